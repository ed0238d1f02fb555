import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join } from 'node:path'

/** A program that is installed, with the words that make it a server. */
export interface Program {
  readonly file: string
  readonly args: readonly string[]
}

/** Debian puts servers where ordinary users do not look. */
const ALSO = ['/usr/sbin']

export function findPrometheus(path: string | undefined): Program | undefined {
  return find(path, 'prometheus')
}

/** Debian's package names the program after itself. */
export function findAlertmanager(path: string | undefined): Program | undefined {
  return find(path, 'prometheus-alertmanager') ?? find(path, 'alertmanager')
}

/** Grafana 10 and newer is one program with subcommands; older ones bring grafana-server. */
export function findGrafana(path: string | undefined): Program | undefined {
  const found = find(path, 'grafana', ['server']) ?? find(path, 'grafana-server')
  if (found === undefined) return undefined
  const bin = dirname(found.file)
  const homes = ['/usr/share/grafana', join(bin, '../share/grafana'), join(bin, '..')]
  const home = homes.find((one) => existsSync(join(one, 'conf/defaults.ini')))
  return home === undefined ? found : { ...found, args: [...found.args, `--homepath=${home}`] }
}

/** What to do about a program that is not there. */
export const MISSING = {
  prometheus:
    'prometheus is not on the PATH. Debian and Ubuntu: apt-get install prometheus; macOS: brew install prometheus; others: https://prometheus.io/download/',
  alertmanager:
    'Neither prometheus-alertmanager nor alertmanager is on the PATH. Debian and Ubuntu: apt-get install prometheus-alertmanager; macOS: brew install alertmanager; others: https://prometheus.io/download/',
} as const

function find(path = '', name: string, args: readonly string[] = []): Program | undefined {
  const folders = [...path.split(delimiter).filter(isAbsolute), ...ALSO]
  const file = folders.map((folder) => join(folder, name)).find(isExecutable)
  return file === undefined ? undefined : { file, args }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
