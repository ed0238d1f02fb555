import { parseDuration } from '../platform/duration.ts'
import { nearest } from '../platform/nearest.ts'
import { Problem } from '../platform/problem.ts'
import { cleanText } from '../platform/text.ts'
import { RULE_DEFAULTS, type RuleParameters } from './parameters.ts'
import { tokensOf } from './promql.ts'

/** What `--set NAME=VALUE` may name, with what it means. */
export const SETTINGS = {
  selector: 'matchers of the exporters in place of job="agent-exporter"',
  prometheus: 'matchers of Prometheus in place of job="prometheus"',
  alertmanager: 'matchers of Alertmanager in place of job="alertmanager"',
  interval: 'how often the exporters are scraped, 15s by default',
  runbooks: 'address in front of docs/runbooks.md',
  dashboards: 'address of Grafana in place of http://localhost:3000',
} as const
type Setting = keyof typeof SETTINGS

/** Beyond two minutes one lost scrape lets Prometheus forget a series (its look-back is five). */
const LONGEST_INTERVAL_MS = 120_000
const SHORTEST_INTERVAL_MS = 1_000

/**
 * The parameters that `NAME=VALUE` settings make of the defaults; of two of the same name the later wins.
 * @throws Problem AE_BAD_RULE_PARAMETER with the setting that is wrong
 */
export function parametersOf(settings: readonly string[]): RuleParameters {
  return Object.assign({}, RULE_DEFAULTS, ...settings.map(readSetting)) as RuleParameters
}

function readSetting(text: string): Partial<RuleParameters> {
  const at = text.indexOf('=')
  const name = at === -1 ? text : text.slice(0, at)
  if (!isSetting(name)) {
    const meant = nearest(name, Object.keys(SETTINGS))
    const hint =
      meant === undefined ? `; known are ${Object.keys(SETTINGS).join(', ')}` : `, did you mean ${meant}?`
    throw problem(`${cleanText(name, 64)} is no setting${hint}`)
  }
  if (at === -1) throw problem(`${name} needs a value: --set ${name}=VALUE`)
  const value = text.slice(at + 1)
  if (cleanText(value, value.length) !== value) throw problem(`${name} must not contain control characters`)
  return READERS[name](value)
}

const READERS: Readonly<Record<Setting, (value: string) => Partial<RuleParameters>>> = {
  selector: (value) => ({ selector: matchers('selector', value) }),
  prometheus: (value) => ({ prometheus: matchers('prometheus', value) }),
  alertmanager: (value) => ({ alertmanager: matchers('alertmanager', value) }),
  interval(value) {
    const ms = parseDuration(value)
    if (ms === undefined || ms < SHORTEST_INTERVAL_MS || ms > LONGEST_INTERVAL_MS || ms % 1_000 !== 0) {
      throw problem('interval must be whole seconds from 1s to 2m')
    }
    return { intervalMs: ms }
  },
  runbooks: (value) => ({ runbooks: value === '' ? '' : `${address('runbooks', value)}/` }),
  dashboards: (value) => ({ dashboards: address('dashboards', value) }),
}

function isSetting(name: string): name is Setting {
  return Object.hasOwn(SETTINGS, name)
}

/** One or more `label="value"`, as they stand between braces. */
function matchers(name: Setting, value: string): string {
  let words: readonly string[] = []
  try {
    words = tokensOf(value).flatMap(({ kind, text }) =>
      kind === 'space' ? [] : [kind === 'sign' ? text : kind],
    )
  } catch {}
  if (!/^name(=|!=|=~|!~)string(,name(=|!=|=~|!~)string)*$/.test(words.join(''))) {
    throw problem(`${name} must be matchers such as ${RULE_DEFAULTS.selector}`)
  }
  return value.trim()
}

/** Without the slash at its end. */
function address(name: Setting, value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw problem(`${name} must be an address such as https://grafana.example.org`)
  }
  return value.replace(/\/+$/, '')
}

function problem(detail: string): Problem {
  return new Problem('AE_BAD_RULE_PARAMETER', detail)
}
