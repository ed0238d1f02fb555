import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, it } from 'vitest'

/** The programs that `scripts/test-services --install` brings; the same names as in that script. */
export type Service =
  | 'prometheus'
  | 'promtool'
  | 'prometheus-alertmanager'
  | 'amtool'
  | 'prometheus-process-exporter'
  | 'prometheus-node-exporter'
  | 'prometheus-pushgateway'
  | 'dockerd'
  | 'docker'
  | 'docker-compose'
  | 'redis-server'
  | 'postgres'
  | 'chromium'
  | 'busybox'
  | 'earlyoom'
  | 'wrk'
  | 'ip'
  | 'jsonnet'
  | 'systemd-analyze'

export const INSTALL_COMMAND = 'scripts/test-services --install'

/** Path of the program, or undefined. Debian keeps servers off the PATH of ordinary users: those places too. */
export function findService(service: Service): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...folders, '/usr/sbin', '/sbin', ...postgresFolders()]
    .map((folder) => join(folder, service))
    .find(isExecutable)
}

/** Path of a program that the test cannot do without. Throws a message with the command that brings it. */
export function requireService(service: Service): string {
  const path = findService(service)
  if (path === undefined) throw new Error(`${service} is not installed; ${INSTALL_COMMAND} brings it`)
  return path
}

/**
 * A `describe` that needs servers. On a machine without them the suite shows up as skipped with the reason in its
 * name; under `CI=true`, where `.ci/run` has installed them, their absence is a failing test.
 */
export function describeWith(
  services: Service | readonly Service[],
  name: string,
  body: (paths: Readonly<Record<Service, string>>) => void,
): void {
  const wanted = typeof services === 'string' ? [services] : services
  const found = Object.fromEntries(wanted.map((service) => [service, findService(service) ?? service]))
  const missing = wanted.filter((service) => findService(service) === undefined)
  const define = () => body(found as Record<Service, string>)
  if (missing.length === 0) {
    describe(name, define)
    return
  }
  const reason = `needs ${missing.join(', ')}: ${INSTALL_COMMAND}`
  if (process.env['CI'] !== 'true') {
    describe.skip(`${name} (${reason})`, define)
    return
  }
  describe(name, () => {
    it(reason, () => {
      throw new Error(`missing under CI=true: ${reason}`)
    })
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function postgresFolders(): readonly string[] {
  try {
    return readdirSync('/usr/lib/postgresql').map((version) => join('/usr/lib/postgresql', version, 'bin'))
  } catch {
    return []
  }
}
