/**
 * The standard score of Mann's trend test: above 0 the values rise, below they fall; beyond 2.58 by chance in one of
 * two hundred independent series. With the continuity correction and the correction for ties (Kendall 1975).
 * 0 when fewer than two values are given or all are the same.
 */
export function mannKendall(values: ArrayLike<number>): number {
  const m = values.length
  let s = 0
  for (let i = 0; i < m; i++) {
    for (let j = i + 1; j < m; j++) s += Math.sign(values[j]! - values[i]!)
  }
  const variance = (m * (m - 1) * (2 * m + 5) - tieTerm(values)) / 18
  return variance > 0 ? (s - Math.sign(s)) / Math.sqrt(variance) : 0
}

/** Σ t(t−1)(2t+5) over the groups of equal values. */
function tieTerm(values: ArrayLike<number>): number {
  const sorted = new Float64Array(values).sort()
  let term = 0
  let run = 1
  for (let i = 1; i <= sorted.length; i++) {
    if (i < sorted.length && sorted[i] === sorted[i - 1]) run++
    else {
      term += run * (run - 1) * (2 * run + 5)
      run = 1
    }
  }
  return term
}
