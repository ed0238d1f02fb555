import type { Resource, ThresholdKey } from '../exhaustion/model.ts'
import { count, duration, money } from './amounts.ts'

/** A limit in words: its name, the key that raises it, and how amounts of it read. */
export interface ResourceText {
  readonly name: string
  readonly key: ThresholdKey
  readonly show: (amount: number | undefined) => string
  /** In what an extra budget is written. */
  readonly unit: string
}

const ofTime = (milliseconds: number | undefined): string =>
  duration(milliseconds === undefined ? undefined : milliseconds / 1_000)

/** Every limit, in the order in which they are shown. */
export const RESOURCE_TEXT: Readonly<Record<Resource, ResourceText>> = {
  tokens: { name: 'tokens', key: 'maxTokensConsumed', show: count, unit: 'tokens' },
  cost_usd: { name: 'cost', key: 'maxCostUsd', show: money, unit: 'US dollars' },
  token_rate: {
    name: 'tokens per minute',
    key: 'maxTokensPerMinute',
    show: count,
    unit: 'tokens per minute',
  },
  api_calls: { name: 'API calls', key: 'maxApiCalls', show: count, unit: 'calls' },
  files: { name: 'files', key: 'maxFilesAccessed', show: count, unit: 'files' },
  subtasks: { name: 'subtasks', key: 'maxSubtasksSpawned', show: count, unit: 'subtasks' },
  time_without_deliverable: {
    name: 'time without a deliverable',
    key: 'maxTimeWithoutDeliverableMs',
    show: ofTime,
    unit: 'time such as 10m',
  },
  wall_clock: { name: 'running time', key: 'maxWallClockMs', show: ofTime, unit: 'time such as 10m' },
}

/** The limits that an agent has, nearest to its end first. */
export function limitsOf(
  thresholds: Readonly<Partial<Record<ThresholdKey, number>>> = {},
  ratios: Readonly<Partial<Record<Resource, number>>> = {},
): readonly { readonly text: ResourceText; readonly max: number; readonly ratio: number | undefined }[] {
  return Object.entries(RESOURCE_TEXT)
    .flatMap(([resource, text]) => {
      const max = thresholds[text.key]
      return max === undefined ? [] : [{ text, max, ratio: ratios[resource as Resource] }]
    })
    .toSorted((a, b) => (b.ratio ?? -1) - (a.ratio ?? -1))
}
