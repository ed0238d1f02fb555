// Starts real versions of Grafana, one after the other, with what docker-compose.yml provisions, and asks each over its HTTP
// API whether data sources and boards are there and every query is answered. Prints a table; 1 when something failed.
//
//   npm run dashboards:grafana -- 10.4.19 11.6.0 12.3.0
//
// This needs an engine and a registry that has the images. None is at hand where the tests of this repository run, so it is
// NOT run there: tested are its parts, against a small Grafana of our own, and the compose file.
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { createGrafanaApi } from './grafana/api.ts'
import { readArguments, USAGE, UsageError } from './grafana/arguments.ts'
import { checkGrafana } from './grafana/check.ts'
import { findingsText } from './grafana/table.ts'

const ROOT = join(import.meta.dirname, '..')
/** Beside a stack that may run already. */
const PORTS = {
  EXPORTER_PORT: '20780',
  PROMETHEUS_PORT: '29090',
  ALERTMANAGER_PORT: '29093',
  GRAFANA_PORT: '23000',
}
const HEALTHY_MS = 180_000
const ASK_EVERY_MS = 2_000
const SERVICES = ['exporter', 'prometheus', 'alertmanager', 'grafana']

/** Version 2 where it is installed, else the docker-compose of before. */
function composeCommand(): readonly [string, ...string[]] {
  const isNew = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0
  return isNew ? ['docker', 'compose'] : ['docker-compose']
}

async function tryVersion(version: string, waitSeconds: number): Promise<boolean> {
  const [program, ...first] = composeCommand()
  const env = {
    ...process.env,
    ...PORTS,
    COMPOSE_PROJECT_NAME: `agent-exporter-grafana-${version.replaceAll(/[^0-9a-z]/gi, '-').toLowerCase()}`,
    GRAFANA_IMAGE: `grafana/grafana:${version}`,
  }
  const compose = (...args: string[]) =>
    execFileSync(program, [...first, ...args], { cwd: ROOT, env, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    compose('up', '--detach', '--build', ...SERVICES)
    const grafana = createGrafanaApi({
      url: `http://127.0.0.1:${PORTS.GRAFANA_PORT}`,
      user: 'admin',
      password: readFileSync(join(ROOT, 'secrets/grafana/admin-password'), 'utf8').trim(),
    })
    await until(async () => (await grafana.health()).database === 'ok')
    await sleep(waitSeconds * 1_000)
    const findings = await checkGrafana({
      grafana,
      boards: shippedBoards(),
      datasources: ['prometheus', 'alertmanager'],
      folder: 'agent-exporter',
      tag: 'agent-exporter',
    })
    console.log(findingsText(version, findings))
    return findings.every(({ problem }) => problem === undefined)
  } finally {
    compose('down', '--volumes')
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + HEALTHY_MS
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > end) throw new Error('Grafana did not become healthy.')
    await sleep(ASK_EVERY_MS)
  }
}

function shippedBoards(): Dashboard[] {
  const folder = join(ROOT, 'dashboards/generated')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard)
}

try {
  const { versions, waitSeconds } = readArguments(process.argv.slice(2))
  execFileSync(join(ROOT, 'scripts/stack-secrets'), { stdio: 'inherit' })
  for (const version of versions) if (!(await tryVersion(version, waitSeconds))) process.exitCode = 1
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${USAGE}`)
    process.exitCode = 2
  } else {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
