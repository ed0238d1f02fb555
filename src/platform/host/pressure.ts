import type { Pressure } from './sample.ts'

const MICROSECONDS = 1_000_000

/**
 * Parses `/proc/pressure/<resource>` (Documentation/accounting/psi.rst). Older kernels have no `full` line for
 * the CPU: then it is absent.
 */
export function parsePressure(text: string): Pressure {
  return { waitingSeconds: total(text, 'some'), stalledSeconds: total(text, 'full') }
}

function total(text: string, kind: 'some' | 'full'): number | undefined {
  const found = new RegExp(`^${kind} .*\\btotal=(\\d+)$`, 'm').exec(text)?.[1]
  return found === undefined ? undefined : Number(found) / MICROSECONDS
}
