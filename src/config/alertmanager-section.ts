import { type StaticDecode, Type } from 'typebox'
import { MatcherError, parseMatchers } from '../alertmanager/matchers.ts'
import { RULE_ACTIONS } from '../alertmanager/policy.ts'
import type { ConfigIssue } from './issue.ts'
import { duration, size } from './quantity.ts'

const rule = Type.Object(
  {
    match: Type.Record(Type.String({ minLength: 1, maxLength: 256 }), Type.String({ maxLength: 1_024 }), {
      default: {},
      description: 'Labels and the values they must have.',
    }),
    matchers: Type.Array(Type.String({ minLength: 1, maxLength: 4_096 }), {
      default: [],
      maxItems: 20,
      description: 'Conditions on labels in the syntax of Alertmanager; all must hold, and those of match.',
    }),
    action: Type.Union(
      RULE_ACTIONS.map((action) => Type.Literal(action)),
      { description: 'What is done with the agent that the label agent names.' },
    ),
    dryRun: Type.Boolean({ default: true, description: 'Only write down what would be done.' }),
    onResolved: Type.Union([Type.Literal('none'), Type.Literal('resume')], {
      default: 'none',
      description: 'What is done when the alert resolves. resume needs curedByPause.',
    }),
    curedByPause: Type.Boolean({
      default: false,
      description: 'The alert is about a rate that a pause ends, so its end says that all is well again.',
    }),
    deafFor: duration(
      '10m',
      'After an action, and after the start of an agent, alerts of this rule about it are heard but not followed.',
    ),
    minHold: duration('1m', 'A pause lasts at least this long before it ends by itself.'),
    approval: Type.Union([Type.Literal('none'), Type.Literal('required')], {
      default: 'none',
      description: 'Whether a person must approve first.',
    }),
    grace: duration('10s', 'Of a termination: between the request to end and the kill.'),
    deadline: duration('30m', 'When a pause has lasted this long, somebody has to decide.'),
    size: Type.Optional(
      Type.Object(
        {
          memoryBytes: size(undefined, 'The limit that a resize sets.'),
          maxMemoryBytes: size(undefined, 'No resize for alerts makes the limit larger.'),
        },
        {
          additionalProperties: false,
          description: 'What a resize is to. Needed where the action is resize.',
        },
      ),
    ),
  },
  { additionalProperties: false },
)

export const alertmanagerProperties = {
  instances: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
    default: [],
    uniqueItems: true,
    description:
      'Globs of the label instance this daemon answers for. Without any, alerts are refused once two values were seen.',
  }),
  repeatInterval: duration(
    '5m',
    'repeat_interval of the route. An alert that is not repeated within twice this is unknown: nothing is done about it.',
  ),
  url: Type.String({
    default: 'none',
    pattern: '^(none|https?://[^\\s]+)$',
    description: 'Alertmanager itself, to compare with what it knows.',
    'x-hint': 'none, or the address of Alertmanager such as http://127.0.0.1:9093',
  }),
  grafanaSecretFile: Type.String({
    default: 'none',
    minLength: 1,
    description:
      'File with the secret that Grafana signs with. With one, its notifications need a signature beside the token.',
    'x-hint': 'none, or the path of a file',
  }),
  rules: Type.Array(rule, {
    default: [],
    maxItems: 200,
    description: 'Which alerts are followed, and how. The first rule that fits an alert decides.',
  }),
}

export type AlertmanagerSection = {
  readonly [K in keyof typeof alertmanagerProperties]: StaticDecode<(typeof alertmanagerProperties)[K]>
}

/** Shorter, and one late scrape would look like another alert. */
const MIN_DEAF_MS = 60_000
/** Alertmanager takes no group_interval that is shorter. */
const MIN_REPEAT_MS = 10_000

/** What the schema cannot say about the section. */
export function alertmanagerIssues(section: AlertmanagerSection): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const add = (path: string, message: string) => issues.push({ path: `alertmanager.${path}`, message })
  if (section.repeatInterval < MIN_REPEAT_MS) add('repeatInterval', 'must be at least 10s')
  const seen = new Map<string, number>()
  for (const [index, item] of section.rules.entries()) {
    const at = `rules[${index}]`
    const { action, onResolved, curedByPause, deafFor, minHold, deadline, size: wanted } = item
    for (const { key, message } of selectorIssues(item)) add(`${at}${key}`, message)
    const selects = JSON.stringify([Object.entries(item.match).sort(), [...item.matchers].sort()])
    const same = seen.get(selects)
    if (same !== undefined) add(at, `is never reached: rules[${same}] fits the same alerts`)
    else seen.set(selects, index)
    if (curedByPause && action !== 'pause') add(`${at}.curedByPause`, 'needs action: pause')
    if (onResolved === 'resume' && action !== 'pause') {
      add(`${at}.onResolved`, 'resume needs action: pause: only what this rule paused may go on')
    } else if (onResolved === 'resume' && !curedByPause) {
      const why = 'an alert that resolves because the agent stands still says nothing about what it does next'
      add(`${at}.onResolved`, `resume needs curedByPause: true: ${why}`)
    }
    if (deafFor < MIN_DEAF_MS) add(`${at}.deafFor`, 'must be at least 1m')
    if (action === 'pause' && deadline <= minHold) add(`${at}.deadline`, 'must be longer than minHold')
    if (action === 'resize' && wanted === undefined) {
      add(`${at}.size`, 'must be given where the action is resize')
    } else if (action !== 'resize' && wanted !== undefined) {
      add(`${at}.size`, 'needs action: resize')
    } else if (wanted !== undefined && wanted.maxMemoryBytes < wanted.memoryBytes) {
      add(`${at}.size.maxMemoryBytes`, 'must not be less than memoryBytes')
    }
  }
  return issues
}

/** A rule that could mean every alert there is must not act on one. */
function selectorIssues({ match, matchers }: AlertmanagerSection['rules'][number]) {
  const issues: { key: string; message: string }[] = []
  let isNarrow = Object.values(match).some((value) => value !== '')
  for (const [index, text] of matchers.entries()) {
    try {
      if (parseMatchers(text).some((matcher) => !matcher.matches(new Map()))) isNarrow = true
    } catch (error) {
      if (!(error instanceof MatcherError)) throw error
      issues.push({ key: `.matchers[${index}]`, message: error.message })
    }
  }
  if (!isNarrow && issues.length === 0) {
    issues.push({ key: '', message: 'fits every alert; name one, as match: { alertname: … }' })
  }
  return issues
}
