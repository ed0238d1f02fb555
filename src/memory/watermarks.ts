import type { Envelope } from './slots.ts'

/** Highest and lowest of one life; undefined until something was read. */
export interface Watermarks {
  readonly highBytes: number | undefined
  readonly lowBytes: number | undefined
}

export const NO_WATERMARKS: Watermarks = { highBytes: undefined, lowBytes: undefined }

/** The same object while neither mark moves. */
export function markWater(marks: Watermarks, bytes: number | undefined): Watermarks {
  if (bytes === undefined || !Number.isFinite(bytes)) return marks
  const { highBytes = bytes, lowBytes = bytes } = marks
  if (marks.highBytes !== undefined && bytes <= highBytes && bytes >= lowBytes) return marks
  return { highBytes: Math.max(highBytes, bytes), lowBytes: Math.min(lowBytes, bytes) }
}

/** Mean over the envelope, of the middle of what each slot saw; undefined when nothing was read in it. */
export function averageBytes({ low, high }: Envelope): number | undefined {
  let sum = 0
  let count = 0
  for (let i = 0; i < low.length; i++) {
    if (Number.isNaN(low[i]!)) continue
    sum += (low[i]! + high[i]!) / 2
    count++
  }
  return count === 0 ? undefined : sum / count
}
