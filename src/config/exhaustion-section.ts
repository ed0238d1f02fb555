import { Type } from 'typebox'
import { milliseconds } from './quantity.ts'

const PROFILE_NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'

const count = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000_000, description }))

/** No defaults here: a limit that nobody wrote is built in and only warns, one that stands here enforces. */
const limits = {
  maxFilesAccessed: count('Files read, written and modified. Built in: 100.'),
  maxApiCalls: count('Calls of a model. Built in: 50.'),
  maxSubtasksSpawned: count('Subtasks and sub-agents started. Built in: 20.'),
  maxTokensConsumed: count('Tokens of the types that count. Built in: 100000.'),
  maxTimeWithoutDeliverableMs: Type.Optional(
    milliseconds('Active time since the last deliverable. Built in: 300000.'),
  ),
  maxCostUsd: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1e9,
      description: 'Money, in US dollars. No limit by default.',
    }),
  ),
  maxWallClockMs: Type.Optional(milliseconds('Active time since the epoch began. No limit by default.')),
  maxTokensPerMinute: count('Tokens within one minute. No limit by default.'),
}

/** Values of the profiles that come with the product. */
export const BUILTIN_PROFILES = {
  exploratory: { maxFilesAccessed: 500, maxApiCalls: 100, maxTimeWithoutDeliverableMs: 600_000 },
  production: {
    maxFilesAccessed: 50,
    maxApiCalls: 20,
    maxSubtasksSpawned: 5,
    maxTimeWithoutDeliverableMs: 180_000,
  },
}

export const exhaustionProperties = {
  enabled: Type.Boolean({ default: true, description: 'Whether budgets are judged at all.' }),
  warningThresholdPercent: Type.Number({
    default: 0.8,
    minimum: 0.1,
    maximum: 0.99,
    description: 'Share of a limit at which the warning begins.',
  }),
  checkIntervalMs: milliseconds('How often everything is judged without a new record.', 60_000),
  pauseOnIntervention: Type.Boolean({ default: true, description: 'Pause an enforced agent at its limit.' }),
  autoTerminate: Type.Boolean({
    default: false,
    description: 'Terminate when nobody answered an intervention within terminateAfterMs.',
  }),
  terminateAfterMs: milliseconds('How long an intervention waits for an answer.', 600_000),
  requireConfirmationOnIntervention: Type.Boolean({
    default: false,
    description: 'A pause waits for the approval of a person.',
  }),
  resetCountersOnDeliverable: Type.Boolean({
    default: false,
    description: 'A deliverable begins a new epoch instead of only resetting the clock.',
  }),
  verifyArtifacts: Type.Boolean({
    default: false,
    description: 'Only a deliverable whose artifacts were found (commit, file, file hash) resets the clock.',
  }),
  tokenTypes: Type.Array(
    Type.Union([
      Type.Literal('input'),
      Type.Literal('output'),
      Type.Literal('cache_read'),
      Type.Literal('cache_write'),
    ]),
    {
      default: ['input', 'output', 'cache_write'],
      uniqueItems: true,
      minItems: 1,
      description: 'What counts as a token against the limit. Tokens of no stated type always count.',
    },
  ),
  thresholds: Type.Object(limits, {
    additionalProperties: false,
    default: {},
    description: 'Limits of every agent. What is written here enforces; what is not only warns.',
  }),
  profiles: Type.Record(
    Type.String({ pattern: PROFILE_NAME }),
    Type.Object(limits, { additionalProperties: false }),
    {
      default: {},
      description: 'Sets of limits, chosen per agent or per role. Built in: exploratory and production.',
    },
  ),
  roles: Type.Record(Type.String({ minLength: 1, maxLength: 128 }), Type.String({ pattern: PROFILE_NAME }), {
    default: {},
    description: 'Profile of each role that has one.',
  }),
}
