/** Reproducible chance: the same seed gives the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  between(low: number, high: number): number
  /** Between the bounds, every doubling as likely as every other. */
  logBetween(low: number, high: number): number
  gaussian(): number
  /** True with this probability. */
  chance(probability: number): boolean
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  let spare: number | undefined
  // mulberry32 (public domain): 32 bits of state are plenty for a day of seconds.
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  function gaussian(): number {
    if (spare !== undefined) {
      const kept = spare
      spare = undefined
      return kept
    }
    // Polar method of Marsaglia.
    let u: number
    let v: number
    let s: number
    do {
      u = 2 * next() - 1
      v = 2 * next() - 1
      s = u * u + v * v
    } while (s >= 1 || s === 0)
    const scale = Math.sqrt((-2 * Math.log(s)) / s)
    spare = v * scale
    return u * scale
  }
  return {
    next,
    gaussian,
    between: (low, high) => low + (high - low) * next(),
    logBetween: (low, high) => low * (high / low) ** next(),
    chance: (probability) => next() < probability,
  }
}
