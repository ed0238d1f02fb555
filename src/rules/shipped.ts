import { readdirSync, readFileSync } from 'node:fs'

/** Beside `src/` in a clone, beside `dist/` in the package. */
const ROOT = new URL('../../', import.meta.url)
const SUFFIX = '.rules.yml'

/** A rule file of one room. */
export interface RoomRules {
  readonly room: string
  readonly text: string
}

/** What comes with the program: alerts, recording rules, and what Alertmanager needs. */
export interface Shipped {
  readonly alerts: readonly RoomRules[]
  readonly recording: readonly RoomRules[]
  /** Text by path from the folder of `alertmanager.yml`. */
  readonly alertmanager: ReadonlyMap<string, string>
}

export function readShipped(): Shipped {
  const templates = namesIn('alerts/templates', '.tmpl').map((name) => `templates/${name}`)
  return {
    alerts: rulesIn('alerts'),
    recording: rulesIn('prometheus'),
    alertmanager: new Map(
      ['alertmanager.yml', ...templates].map((path) => [path, textOf(`alerts/${path}`)] as const),
    ),
  }
}

function rulesIn(folder: string): RoomRules[] {
  return namesIn(folder, SUFFIX).map((name) => ({
    room: name.slice(0, -SUFFIX.length),
    text: textOf(`${folder}/${name}`),
  }))
}

function namesIn(folder: string, suffix: string): string[] {
  return readdirSync(new URL(folder, ROOT))
    .filter((name) => name.endsWith(suffix))
    .sort()
}

function textOf(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}
