/** Two-sided 95 % of the normal distribution. */
const Z = 1.96

/** The interval of Wilson (1927) in which the true share lies with 95 % confidence. */
export function wilson(hits: number, of: number): readonly [number, number] {
  if (of === 0) return [0, 1]
  const share = hits / of
  const middle = share + (Z * Z) / (2 * of)
  const reach = Z * Math.sqrt((share * (1 - share)) / of + (Z * Z) / (4 * of * of))
  const scale = 1 + (Z * Z) / of
  return [Math.max(0, (middle - reach) / scale), Math.min(1, (middle + reach) / scale)]
}

/** Highest mean of a Poisson distribution under which so few events are not yet odd (exact, 97.5 % one-sided). */
export function poissonUpper(events: number): number {
  let low = events
  let high = events * 2 + 20
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (poissonAtMost(events, middle) > 0.025) low = middle
    else high = middle
  }
  return high
}

function poissonAtMost(events: number, mean: number): number {
  let term = Math.exp(-mean)
  let sum = term
  for (let k = 1; k <= events; k++) {
    term *= mean / k
    sum += term
  }
  return sum
}

/** Value at the quantile, and the value that it is above with 97.5 % confidence (order statistics, binomial). */
export function quantileWithLower(values: readonly number[], q: number): readonly [number, number] {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  if (n === 0) return [Number.NaN, Number.NaN]
  const rank = Math.floor(n * q - Z * Math.sqrt(n * q * (1 - q)))
  return [sorted[Math.floor(q * (n - 1))]!, sorted[Math.max(0, rank)]!]
}
