import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './child.ts'
import type { Dockerd } from './dockerd.ts'
import { temporaryFolder } from './folder.ts'
import { requireService } from './services.ts'
import { STACK_IMAGES } from './stack-images.ts'
import { rulesInTimeLapse } from './time-lapse.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Shipped times of rules divided by this. */
const TIME_LAPSE = 15
/** What docker-compose.yml mounts from the clone. */
const MOUNTED = ['alerts', 'dashboards/generated', 'deploy', 'prometheus']
const HOST_FILE = 'docker-compose.host.yml'
const run = promisify(execFile)

/** docker-compose.yml of a copy of the clone, driven by docker-compose on an engine of the test's own. */
export interface Stack extends AsyncDisposable {
  readonly folder: string
  readonly urls: Readonly<Record<'exporter' | 'prometheus' | 'alertmanager', string>>
  /** Output of `docker-compose …`. */
  compose(...args: string[]): Promise<string>
  /** A secret as scripts/stack-secrets has made it. */
  secret(name: string): string
}

/**
 * A copy, because Prometheus gets other times than the shipped ones: it scrapes and judges every second, and its rules are
 * in time-lapse. Everything else is what a clone has; images and ports come by the variables that the file has for them.
 */
export async function copyStack(dockerd: Dockerd, rooms: readonly string[]): Promise<Stack> {
  const folder = temporaryFolder('stack-')
  for (const part of MOUNTED) cpSync(join(ROOT, part), join(folder.path, part), { recursive: true })
  cpSync(join(ROOT, 'docker-compose.yml'), join(folder.path, 'docker-compose.yml'))
  // As the file itself says: docker-compose 1.29 does not know this key.
  const host = readFileSync(join(ROOT, HOST_FILE), 'utf8').replace(/^ *cgroup: host\n/m, '')
  writeFileSync(join(folder.path, HOST_FILE), host)
  inTimeLapse(folder.path, rooms)
  await run(join(ROOT, 'scripts/stack-secrets'), [join(folder.path, 'secrets')])
  // The folders of a test belong to its user alone; Prometheus and Alertmanager run as others, as in a clone.
  await run('chmod', ['-R', 'a+rX', ...MOUNTED.map((part) => join(folder.path, part))])

  const ports = { exporter: await freePort(), prometheus: await freePort(), alertmanager: await freePort() }
  const env = {
    ...process.env,
    ...STACK_IMAGES,
    COMPOSE_PROJECT_NAME: 'stack',
    DOCKER_HOST: `unix://${dockerd.socketPath}`,
    DOCKER_SOCKET: dockerd.socketPath,
    EXPORTER_PORT: String(ports.exporter),
    PROMETHEUS_PORT: String(ports.prometheus),
    ALERTMANAGER_PORT: String(ports.alertmanager),
  }
  async function compose(...args: string[]): Promise<string> {
    const { stdout } = await run(requireService('docker-compose'), args, {
      cwd: folder.path,
      env,
      maxBuffer: 16 * 1024 * 1024,
    })
    return stdout
  }
  return {
    folder: folder.path,
    urls: {
      exporter: `http://127.0.0.1:${ports.exporter}`,
      prometheus: `http://127.0.0.1:${ports.prometheus}`,
      alertmanager: `http://127.0.0.1:${ports.alertmanager}`,
    },
    compose,
    secret: (name) => readFileSync(join(folder.path, 'secrets', name), 'utf8'),
    async [Symbol.asyncDispose]() {
      await compose('down', '--volumes', '--timeout', '3').catch(() => undefined)
      folder[Symbol.dispose]()
    },
  }
}

function inTimeLapse(folder: string, rooms: readonly string[]): void {
  const config = join(folder, 'prometheus/compose.yml')
  const shipped = readFileSync(config, 'utf8')
  const faster = shipped.replace(/(_interval|_timeout): \d+s/g, '$1: 1s')
  if (faster === shipped) throw new Error('prometheus/compose.yml has no intervals')
  writeFileSync(config, faster)
  const alerts = join(folder, 'alerts')
  for (const name of readdirSync(alerts)) if (name.endsWith('.rules.yml')) rmSync(join(alerts, name))
  mkdirSync(alerts, { recursive: true })
  writeFileSync(join(alerts, 'lapse.rules.yml'), rulesInTimeLapse(rooms, TIME_LAPSE))
}
