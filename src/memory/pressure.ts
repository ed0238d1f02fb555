/** How much of its time a control group stood still for want of memory. */
export interface PressureState {
  /** Where the present stretch began. */
  readonly from: { readonly atMs: number; readonly stalledSeconds: number } | undefined
  /** Share of the last whole stretch; undefined until one was measured. */
  readonly stalledRatio: number | undefined
}

export const NO_PRESSURE: PressureState = { from: undefined, stalledRatio: undefined }

/** The kernel's own shortest average (Documentation/accounting/psi.rst). */
const STRETCH_MS = 10_000

/** The counter of stalled time read on; a read that failed, or a counter that began anew, changes nothing known. */
export function followPressure(
  state: PressureState,
  stalledSeconds: number | undefined,
  nowMs: number,
): PressureState {
  if (stalledSeconds === undefined) return state
  const here = { atMs: nowMs, stalledSeconds }
  const { from, stalledRatio } = state
  if (from === undefined || stalledSeconds < from.stalledSeconds) return { from: here, stalledRatio }
  const elapsedMs = nowMs - from.atMs
  if (elapsedMs < STRETCH_MS) return state
  const ratio = (1_000 * (stalledSeconds - from.stalledSeconds)) / elapsedMs
  return { from: here, stalledRatio: Math.min(1, ratio) }
}
