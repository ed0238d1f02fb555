import type { ShownMemory } from './model.ts'

/** An agent without a limit of its own has all that the host has left: it counts as full long before. */
const OWN_LIMIT = 0.8

/** What memory is shown against: the limit of the agent, or where it counts as full when that comes long before. */
export function memoryScale({ limitBytes, thresholds }: ShownMemory): {
  readonly bytes: number | undefined
  readonly isLimit: boolean
} {
  const full = thresholds?.oom_imminent
  if (limitBytes !== undefined && (full === undefined || full >= OWN_LIMIT * limitBytes))
    return { bytes: limitBytes, isLimit: true }
  return { bytes: full, isLimit: false }
}
