import { mixinFiles } from './mixin.ts'
import { type RuleParameters, withParameters } from './parameters.ts'
import type { RoomRules, Shipped } from './shipped.ts'

export const PARTS = ['alerts', 'recording', 'alertmanager'] as const
export type Part = (typeof PARTS)[number]

export const FORMATS = ['prometheus', 'mixin'] as const
export type Format = (typeof FORMATS)[number]

/** Text by path in the folder that they are written to. */
export type Files = ReadonlyMap<string, string>

/** Rules as Prometheus loads them, one file for each room, and Alertmanager's configuration with its templates. */
export function prometheusFiles(shipped: Shipped, parts: readonly Part[], parameters: RuleParameters): Files {
  const files = new Map<string, string>()
  for (const part of ['alerts', 'recording'] as const) {
    if (!parts.includes(part)) continue
    for (const { room, text } of shipped[part]) {
      files.set(`${part}/${room}.rules.yml`, withParameters(text, parameters))
    }
  }
  if (parts.includes('alertmanager')) {
    for (const [path, text] of shipped.alertmanager) files.set(`alertmanager/${path}`, text)
  }
  return files
}

/** All rules of these parts as one file that Prometheus loads. */
export function oneRuleFile(shipped: Shipped, parts: readonly Part[], parameters: RuleParameters): string {
  const rooms = (['alerts', 'recording'] as const).flatMap((part) =>
    parts.includes(part) ? shipped[part] : [],
  )
  return `groups:\n${rooms.map(({ text }) => groupsOf(withParameters(text, parameters))).join('\n')}`
}

/** What stands below `groups:`, and above it the comments of the file, now about a group. */
function groupsOf(text: string): string {
  const [head = '', body = ''] = text.split(/^groups:\n/m)
  return head.replace(/^(?=.)/gm, '  ') + body
}

/** The files of one format. */
export function filesOf(
  format: Format,
  shipped: Shipped,
  parts: readonly Part[],
  parameters: RuleParameters,
): Files {
  if (format === 'prometheus') return prometheusFiles(shipped, parts, parameters)
  const of = (part: 'alerts' | 'recording'): readonly RoomRules[] =>
    parts.includes(part) ? shipped[part] : []
  return mixinFiles(of('alerts'), of('recording'), parameters)
}
