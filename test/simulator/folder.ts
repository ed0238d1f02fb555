import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'

/** A configuration with one ingest token per simulated daemon, and those tokens. */
export interface SimulationFolder {
  readonly configFile: string
  tokenOf(daemon: string): string
}

const OWNER_ONLY = 0o600

/** Writes what is missing: `config.yaml` and `<daemon>.token`. Each daemon may tell about its own agents only. */
export function prepareFolder(path: string, daemons: readonly string[]): SimulationFolder {
  const folder = resolve(path)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const tokenFile = (daemon: string) => join(folder, `${daemon}.token`)
  for (const daemon of daemons) {
    if (existsSync(tokenFile(daemon))) continue
    writeFileSync(tokenFile(daemon), `${randomBytes(32).toString('base64url')}\n`, { mode: OWNER_ONLY })
  }
  const configFile = join(folder, 'config.yaml')
  const tokens = daemons.map((name) => ({
    ...{ name, file: tokenFile(name), scopes: ['ingest'], agents: [`${name}-*`] },
  }))
  writeFileSync(configFile, stringify({ auth: { tokens } }))
  return { configFile, tokenOf: (daemon) => readFileSync(tokenFile(daemon), 'utf8').trim() }
}
