import { type Static, Type } from 'typebox'
import { AGENT_ID_PATTERN } from '../agents/model.ts'
import { DURATION_PATTERN, parseDuration } from '../platform/duration.ts'
import { Problem } from '../platform/problem.ts'
import { ACTION_STATUSES, ACTIONS, type Action } from './model.ts'

/** No C0, C1: what a person writes ends up in terminals and logs. */
const PLAIN_TEXT = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$'
/** `docker update` refuses less than 6 MiB of memory and less than 0.01 CPUs. */
const MIN_MEMORY_BYTES = 6 * 2 ** 20
const MIN_CPUS = 0.01
const MAX_CPUS = 8_192

const Id = Type.String({ pattern: AGENT_ID_PATTERN })
export const Reason = Type.String({ minLength: 1, maxLength: 500, pattern: PLAIN_TEXT })
export const AgentParams = Type.Object({ id: Id })
/** Ids of journal entries are ours; anything that could not be one is refused before it is looked up. */
export const ActionParams = Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9._:-]{1,128}$' }) })
export const Nothing = Type.Object({}, { additionalProperties: false })
export const Rejection = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false })

const duration = (description: string) =>
  Type.Optional(Type.String({ pattern: DURATION_PATTERN, maxLength: 32, description }))
/** Of the verbs that need nothing besides their name. */
export const Rehearsal = Type.Object(
  {
    action: Type.Union(
      (['pause', 'resume', 'terminate'] as const satisfies readonly Action[]).map((action) =>
        Type.Literal(action),
      ),
    ),
    enforce: Type.Optional(Type.Boolean({ description: 'As for an agent that did not opt in' })),
  },
  { additionalProperties: false },
)
export const WaitQuery = Type.Object({
  wait: duration('Wait this long for the verified outcome; at most 60s'),
})
export const TimeoutQuery = Type.Object({
  timeout: duration('How long to wait; 30s when left out, at most 5m'),
})

const common = {
  reason: Type.Optional(Reason),
  dryRun: Type.Optional(Type.Boolean({ description: 'Only write down what would be done' })),
  enforce: Type.Optional(
    Type.Boolean({ description: 'Do it to an agent that did not opt in, this one time' }),
  ),
}
const strict = { additionalProperties: false } as const

/** Bodies of the four verbs. `budgetKeys`: what a resume may add to. */
export function actionBodies(budgetKeys: readonly string[]) {
  const extra = Type.Union([
    Type.Number({ exclusiveMinimum: 0 }),
    Type.String({ minLength: 1, maxLength: 32 }),
  ])
  const ExtraBudget = Type.Unsafe<ExtraBudget>(
    Type.Object(Object.fromEntries(budgetKeys.map((key) => [key, Type.Optional(extra)])), {
      ...strict,
      minProperties: 1,
      description: 'By how much limits are higher in the epoch that the resume opens',
    }),
  )
  return {
    pause: Type.Object(common, strict),
    resume: Type.Object({ ...common, extraBudget: Type.Optional(ExtraBudget) }, strict),
    terminate: Type.Object(common, strict),
    resize: Type.Object(
      {
        ...common,
        memoryBytes: Type.Optional(
          Type.Integer({ minimum: MIN_MEMORY_BYTES, maximum: Number.MAX_SAFE_INTEGER }),
        ),
        cpus: Type.Optional(Type.Number({ minimum: MIN_CPUS, maximum: MAX_CPUS })),
      },
      { ...strict, anyOf: [{ required: ['memoryBytes'] }, { required: ['cpus'] }] },
    ),
  }
}

/** Amounts as somebody wrote them: numbers, or text such as `5m`. */
export type ExtraBudget = Readonly<Record<string, number | string>>

/** Any of the bodies, once its own schema has accepted it. */
export interface ActionBody {
  readonly reason?: string
  readonly dryRun?: boolean
  readonly enforce?: boolean
  readonly extraBudget?: ExtraBudget
  readonly memoryBytes?: number
  readonly cpus?: number
}

export const ActionQuery = Type.Object({
  agent: Type.Optional(Id),
  action: Type.Optional(Type.Union(ACTIONS.map((action) => Type.Literal(action)))),
  status: Type.Optional(Type.Union(ACTION_STATUSES.map((status) => Type.Literal(status)))),
  since: Type.Optional(
    Type.String({ maxLength: 40, description: 'RFC 3339 time, or a duration before now such as 24h' }),
  ),
})
export type ActionQuery = Static<typeof ActionQuery>

function invalid(path: string, message: string): Problem {
  return new Problem('AE_INVALID', 'The query does not fit the schema.', [{ in: 'query', path, message }])
}

/**
 * Milliseconds of a duration in a query that the pattern has accepted; undefined when it is left out.
 * @throws Problem AE_INVALID above `maxMs`.
 */
export function readDuration(name: string, text: string | undefined, maxMs: number): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  if (ms === undefined || ms > maxMs) throw invalid(`/${name}`, `must be at most ${maxMs / 1_000}s`)
  return ms
}

/** RFC 3339 with its offset: a time without one means another moment on every host. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/

/**
 * Wall clock of `2026-01-01T00:00:00Z` or of `24h` before `nowMs`.
 * @throws Problem AE_INVALID for anything else.
 */
export function readSince(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const ago = parseDuration(text)
  const at = ago === undefined ? (TIME.test(text) ? Date.parse(text) : Number.NaN) : nowMs - ago
  if (Number.isNaN(at)) throw invalid('/since', 'must be an RFC 3339 time or a duration such as 24h')
  return at
}
