import { type Static, Type } from 'typebox'
import { Problem } from '../platform/problem.ts'
import { cleanText } from '../platform/text.ts'
import {
  DELIVERABLE_ALIASES,
  DELIVERABLE_TYPES,
  type DeliverableType,
  type TokenCounts,
  type UsageRecord,
} from './model.ts'

/**
 * Records of one request; more come in the next. Parsing, checking and counting these many takes about 10 ms, and
 * 30 ms in a process that has just started; ten times as many would hold the loop, and the sampling, for 100 ms.
 */
const MAX_RECORDS = 1_000
/** Clocks of hosts differ a little; what lies further ahead is a mistake. */
const FUTURE_TOLERANCE_MS = 5 * 60_000
const DEFAULT_SOURCE = 'api'
const NO_CONTROLS = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'
const LONGEST_NAME = 128
const LONGEST_DESCRIPTION = 2_000
const LONGEST_ARTIFACT = 512
const MAX_ARTIFACTS = 32

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Name = Type.String({ minLength: 1, maxLength: LONGEST_NAME, pattern: NO_CONTROLS })

/** One record of `POST /api/v1/agents/{id}/usage`. */
const UsageBody = Type.Object(
  {
    files: Type.Optional(
      Type.Array(
        Type.Object(
          {
            op: Type.Union([Type.Literal('read'), Type.Literal('write'), Type.Literal('modify')]),
            count: Type.Optional(Count),
          },
          closed,
        ),
        { maxItems: 100 },
      ),
    ),
    apiCalls: Type.Optional(Count),
    failedApiCalls: Type.Optional(Count),
    tokens: Type.Optional(
      Type.Union([
        Count,
        Type.Object(
          {
            input: Type.Optional(Count),
            output: Type.Optional(Count),
            cacheRead: Type.Optional(Count),
            cacheWrite: Type.Optional(Count),
            provider: Type.Optional(Name),
            model: Type.Optional(Name),
          },
          closed,
        ),
      ]),
    ),
    provider: Type.Optional(Name),
    model: Type.Optional(Name),
    subtasks: Type.Optional(Count),
    costUsd: Type.Optional(Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    source: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}$' })),
    at: Type.Optional(Type.String({ format: 'date-time', maxLength: 64 })),
  },
  closed,
)
const UsageBodies = Type.Array(UsageBody, { minItems: 1, maxItems: MAX_RECORDS })
type UsageBody = Static<typeof UsageBody>

/** One record or an array. `if` rather than `anyOf`, so that the error names the place in the array that was sent. */
export const UsageRequest = Type.Unsafe<UsageBody | UsageBody[]>({
  if: { type: 'array' },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: UsageBodies,
  else: UsageBody,
})

/** Body of `POST /api/v1/agents/{id}/deliverables`. */
export const DeliverableRequest = Type.Object(
  {
    type: Type.Unsafe<string>({
      type: 'string',
      enum: [...DELIVERABLE_TYPES, ...Object.keys(DELIVERABLE_ALIASES)],
    }),
    description: Type.Optional(Type.String({ maxLength: LONGEST_DESCRIPTION, pattern: NO_CONTROLS })),
    artifacts: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: LONGEST_ARTIFACT, pattern: NO_CONTROLS }), {
        maxItems: MAX_ARTIFACTS,
        description:
          '`commit:<sha>`, `file:<path>` and `sha256:<hex>:<path>` are looked for in the workspace.',
      }),
    ),
  },
  closed,
)

/** What somebody says was delivered, checked. */
export interface DeliverableInput {
  readonly type: DeliverableType
  readonly description: string | undefined
  readonly artifacts: readonly string[]
}

/**
 * Checked records in the units of the ledger.
 * @throws Problem AE_INVALID that names the first record which is wrong; then nothing may be counted
 */
export function toRecords(body: UsageBody | readonly UsageBody[], nowMs: number): readonly UsageRecord[] {
  const clean = nameCleaner()
  if (isSingle(body)) return [toRecord(body, nowMs, () => '', clean)]
  return body.map((one, index) => toRecord(one, nowMs, () => `/${index}`, clean))
}

export function toDeliverable({ type, description, artifacts = [] }: Static<typeof DeliverableRequest>) {
  return {
    type: DELIVERABLE_ALIASES[type] ?? (type as DeliverableType),
    description: description === undefined ? undefined : cleanText(description, LONGEST_DESCRIPTION),
    artifacts: artifacts.map((artifact) => cleanText(artifact, LONGEST_ARTIFACT)),
  } satisfies DeliverableInput
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
/** Where the record lies in the body; only an error asks. */
type Place = () => string

function isSingle(body: UsageBody | readonly UsageBody[]): body is UsageBody {
  return !Array.isArray(body)
}

function toRecord(
  body: UsageBody,
  nowMs: number,
  place: Place,
  clean: (name: string) => string,
): UsageRecord {
  const { files, apiCalls, failedApiCalls, tokens, subtasks, costUsd, source = DEFAULT_SOURCE, at } = body
  if (apiCalls !== undefined && failedApiCalls !== undefined && failedApiCalls > apiCalls) {
    throw invalid(`${place()}/failedApiCalls`, 'must be at most apiCalls, which includes failed calls')
  }
  const atMs = at === undefined ? nowMs : Date.parse(at)
  // Not a date after all (a leap second), or too far ahead.
  if (!(atMs <= nowMs + FUTURE_TOLERANCE_MS)) throw invalid(`${place()}/at`, 'must not lie in the future')
  const detail = typeof tokens === 'object' ? tokens : undefined
  const provider = detail?.provider ?? body.provider
  const model = detail?.model ?? body.model
  // Assigned and not spread: thousands of these are made in one turn of the loop.
  const record: Mutable<UsageRecord> = { source, atMs: Math.min(atMs, nowMs) }
  if (files !== undefined) record.files = files.map(({ op, count = 1 }) => ({ op, count }))
  if (apiCalls !== undefined) record.apiCalls = apiCalls
  if (failedApiCalls !== undefined) record.failedApiCalls = failedApiCalls
  if (tokens !== undefined)
    record.tokens = detail === undefined ? { unspecified: tokens as number } : counts(detail)
  if (provider !== undefined) record.provider = clean(provider)
  if (model !== undefined) record.model = clean(model)
  if (subtasks !== undefined) record.subtasks = subtasks
  if (costUsd !== undefined) record.costUsd = costUsd
  return record
}

function counts({
  input,
  output,
  cacheRead,
  cacheWrite,
}: Exclude<NonNullable<UsageBody['tokens']>, number>): TokenCounts {
  const counts: Mutable<TokenCounts> = {}
  if (input !== undefined) counts.input = input
  if (output !== undefined) counts.output = output
  if (cacheRead !== undefined) counts.cache_read = cacheRead
  if (cacheWrite !== undefined) counts.cache_write = cacheWrite
  return counts
}

/** The records of one request name few models, again and again. */
function nameCleaner(): (name: string) => string {
  const known = new Map<string, string>()
  return (name) => {
    let clean = known.get(name)
    if (clean === undefined) {
      clean = cleanText(name, LONGEST_NAME)
      known.set(name, clean)
    }
    return clean
  }
}

function invalid(path: string, message: string): Problem {
  return new Problem('AE_INVALID', 'The body does not fit the schema.', [{ in: 'body', path, message }])
}
