import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const ROOT = join(import.meta.dirname, '../..')

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly keep_firing_for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface RecordingRule {
  readonly record: string
  readonly expr: string
}

/** A file of rules; the room is its name. */
export interface RuleFile<Rule> {
  readonly room: string
  readonly text: string
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
  readonly rules: readonly Rule[]
}

export const alertFiles: readonly RuleFile<AlertRule>[] = filesIn('alerts')
export const recordingFiles: readonly RuleFile<RecordingRule>[] = filesIn('prometheus')

function filesIn<Rule>(folder: string): RuleFile<Rule>[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.rules.yml'))
    .map((name) => {
      const text = readFileSync(join(ROOT, folder, name), 'utf8')
      const { groups } = parse(text) as Pick<RuleFile<Rule>, 'groups'>
      return {
        room: name.replace('.rules.yml', ''),
        text,
        groups,
        rules: groups.flatMap(({ rules }) => rules),
      }
    })
}
