import { quantileOfSorted } from './quantile.ts'

/** Values at their times, oldest first. */
export interface Points {
  readonly atMs: readonly number[]
  readonly bytes: readonly number[]
}

/** Median of the slopes of all pairs (Sen 1968), with the bounds between which it lies with 95 % confidence. */
export interface SenSlope {
  /** Bytes per millisecond. */
  readonly slope: number
  readonly lower: number
  readonly upper: number
}

/** Two-sided 95 % of the normal distribution. */
const Z_95 = 1.96

/** Undefined for fewer than two points. Points at the same time make no pair. */
export function senSlope({ atMs, bytes }: Points): SenSlope | undefined {
  const m = atMs.length
  const slopes = new Float64Array((m * (m - 1)) / 2)
  let pairs = 0
  for (let i = 0; i < m; i++) {
    for (let j = i + 1; j < m; j++) {
      const elapsed = atMs[j]! - atMs[i]!
      if (elapsed > 0) slopes[pairs++] = (bytes[j]! - bytes[i]!) / elapsed
    }
  }
  if (pairs === 0) return undefined
  const sorted = slopes.subarray(0, pairs).sort()
  // Gilbert 1987, section 16.4.2: ranks (N' ± z √Var S) / 2.
  const reach = (Z_95 * Math.sqrt((m * (m - 1) * (2 * m + 5)) / 18)) / 2
  const middle = (sorted.length - 1) / 2
  const at = (rank: number) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(rank)))]!
  return { slope: quantileOfSorted(sorted, 0.5), lower: at(middle - reach), upper: at(middle + reach) }
}

/** The points with places `from` up to but without `to`. */
export function slicePoints({ atMs, bytes }: Points, from: number, to?: number): Points {
  return { atMs: atMs.slice(from, to), bytes: bytes.slice(from, to) }
}
