import { InvalidArgumentError } from 'commander'
import { RESOURCES, THRESHOLD_KEYS, type ThresholdKey, type Thresholds } from '../exhaustion/model.ts'
import { parseDuration } from '../platform/duration.ts'
import { nearest } from '../platform/nearest.ts'

const KEYS = Object.values(THRESHOLD_KEYS)
const NAMES: readonly string[] = [...RESOURCES, ...KEYS]
const SCALE: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9 }
const NUMBER = /^(\d+(?:\.\d+)?)([kKMG]?)$/

/**
 * Adds one `--budget name=value` to those before it. The name is a resource (`tokens`) or its key in the
 * configuration (`maxTokensConsumed`); the value a number (`200k`, `1.5M`) or, for times, a duration (`30m`).
 */
export function addBudget(text: string, earlier: Thresholds = {}): Thresholds {
  const at = text.indexOf('=')
  if (at === -1) throw new InvalidArgumentError(`${text} is not NAME=VALUE, such as tokens=200k.`)
  const name = text.slice(0, at)
  return { ...earlier, [keyOf(name)]: amountOf(name, keyOf(name), text.slice(at + 1)) }
}

function keyOf(name: string): ThresholdKey {
  const resource = RESOURCES.find((known) => known === name)
  if (resource !== undefined) return THRESHOLD_KEYS[resource]
  const key = KEYS.find((known) => known === name)
  if (key !== undefined) return key
  const meant = nearest(name, NAMES)
  throw new InvalidArgumentError(
    `There is no budget ${name}${meant === undefined ? `; known are ${RESOURCES.join(', ')}` : `, did you mean ${meant}?`}`,
  )
}

function amountOf(name: string, key: ThresholdKey, text: string): number {
  const isTime = key.endsWith('Ms')
  const amount = isTime ? millisecondsOf(name, text) : numberOf(text)
  if (amount === undefined || amount <= 0 || (key !== 'maxCostUsd' && !Number.isSafeInteger(amount))) {
    const example = isTime ? '30m' : key === 'maxCostUsd' ? '2.50' : '200k'
    throw new InvalidArgumentError(`${name}=${text}: the value must be above 0 and look like ${example}.`)
  }
  return amount
}

function numberOf(text: string): number | undefined {
  const parts = NUMBER.exec(text)
  if (parts === null) return undefined
  const value = Number(parts[1]) * SCALE[parts[2]!]!
  // 1.1k is 1100 and not 1100.0000000000002.
  return Math.round(value * 1e6) / 1e6
}

/** A bare number is milliseconds only where the name says so: `wall_clock=60` would pause at once. */
function millisecondsOf(name: string, text: string): number | undefined {
  if (/^\d+$/.test(text)) return name.endsWith('Ms') ? Number(text) : undefined
  return parseDuration(text)
}
