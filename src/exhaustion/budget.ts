import { parseDuration } from '../platform/duration.ts'
import { nearest } from '../platform/nearest.ts'
import type { ProblemField } from '../platform/problem.ts'
import { RESOURCES, type Resource, THRESHOLD_KEYS, type ThresholdKey, type Thresholds } from './model.ts'

/** A budget as it is given at registration or with `--budget`: names of thresholds or of resources. */
export type BudgetRequest = Readonly<Record<string, number | string>>

/** Shorter times would be over before they are judged. */
const MIN_MS = 100
const MAX_COUNT = 1e12
const MAX_USD = 1e9

const TIMES: ReadonlySet<Resource> = new Set(['time_without_deliverable', 'wall_clock'])
const NAMES: ReadonlyMap<string, Resource> = new Map(
  RESOURCES.flatMap((resource) => [
    [resource, resource] as const,
    [THRESHOLD_KEYS[resource], resource] as const,
  ]),
)

/** The budget in the units of the limits, and every place where it is wrong. `path` begins each JSON pointer. */
export function parseBudget(
  budget: BudgetRequest,
  path = '/budget',
): { readonly budget: Thresholds; readonly problems: readonly ProblemField[] } {
  const parsed: Partial<Record<ThresholdKey, number>> = {}
  const problems: ProblemField[] = []
  for (const [name, value] of Object.entries(budget)) {
    const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const complain = (message: string) => void problems.push({ in: 'body', path: at, message })
    const resource = NAMES.get(name)
    if (resource === undefined) {
      complain(unknownName('limit', name, [...NAMES.keys()]))
      continue
    }
    const key = THRESHOLD_KEYS[resource]
    const amount = amountOf(resource, value)
    if (parsed[key] !== undefined) complain(`${resource} is given twice`)
    else if (typeof amount === 'string') complain(amount)
    else parsed[key] = amount
  }
  return { budget: parsed, problems }
}

/** Nothing when there is such a profile. */
export function checkProfile(
  profile: string,
  profiles: Readonly<Record<string, unknown>>,
): readonly ProblemField[] {
  if (Object.hasOwn(profiles, profile)) return []
  return [{ in: 'body', path: '/profile', message: unknownName('profile', profile, Object.keys(profiles)) }]
}

/** The amount, or what is wrong with it. A command line gives every number as text. */
function amountOf(resource: Resource, value: number | string): number | string {
  if (TIMES.has(resource)) return timeOf(value)
  const amount = typeof value === 'number' ? value : numberOf(value)
  if (!Number.isFinite(amount)) return 'must be a number'
  if (amount <= 0) return 'must be greater than 0'
  if (resource === 'cost_usd') return amount <= MAX_USD ? amount : `must be at most ${MAX_USD}`
  if (!Number.isInteger(amount)) return 'must be a whole number'
  return amount <= MAX_COUNT ? amount : `must be at most ${MAX_COUNT}`
}

function timeOf(value: number | string): number | string {
  const number = typeof value === 'number' ? value : numberOf(value)
  const ms = typeof value === 'string' && Number.isNaN(number) ? parseDuration(value) : number
  if (ms === undefined || !Number.isInteger(ms)) {
    return 'must be whole milliseconds or a duration such as 500ms, 60s or 5m'
  }
  if (ms < MIN_MS) return `must be at least ${MIN_MS}ms`
  return ms <= MAX_COUNT ? ms : 'is too long'
}

/** `Number('')` is 0 and `Number('0x10')` is 16: neither is an amount that somebody meant. */
function numberOf(text: string): number {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
}

function unknownName(what: string, name: string, names: readonly string[]): string {
  const meant = nearest(name, names)
  return meant === undefined ? `there is no such ${what}` : `there is no such ${what}; did you mean ${meant}?`
}
