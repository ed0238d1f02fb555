import type { Random } from './random.ts'

/** One part of a series in MB, asked once for every second in order; `t` counts seconds of this life. */
export type Shape = (t: number) => number

export interface Sawtooth {
  readonly periodS: number
  readonly amplitudeMb: number
  /** Spread of period and height from one cycle to the next, as a share. */
  readonly jitter: number
  /** Share of collections that leave a third to two thirds behind. */
  readonly incomplete: number
  /** Spread of what a complete collection leaves, as a share of the height. */
  readonly residue: number
}

/** Memory that fills up and is collected. */
export function sawtooth(
  random: Random,
  { periodS, amplitudeMb, jitter, incomplete, residue }: Sawtooth,
): Shape {
  let begin = -random.next() * periodS
  let left = 0
  let length = periodS
  let height = amplitudeMb
  return (t) => {
    while (t >= begin + length) {
      begin += length
      const spread = () => Math.max(0.3, 1 + jitter * random.gaussian())
      left = random.chance(incomplete)
        ? height * random.between(0.33, 0.66)
        : Math.abs(random.gaussian()) * residue * amplitudeMb
      length = Math.max(2, periodS * spread())
      height = Math.max(left + 1, amplitudeMb * spread())
    }
    return left + (height - left) * ((t - begin) / length)
  }
}

/** Noise with a memory (first order), that forgets with the time constant `tauS`. */
export function drift(random: Random, tauS: number, sdMb: number): Shape {
  const keep = Math.exp(-1 / tauS)
  const push = sdMb * Math.sqrt(1 - keep * keep)
  let value = sdMb * random.gaussian()
  return () => {
    value = keep * value + push * random.gaussian()
    return value
  }
}

export function whiteNoise(random: Random, sdMb: number): Shape {
  return () => sdMb * random.gaussian()
}

/** Now and then a lot of memory for a while, all of it given back. */
export function bursts(random: Random, perHour: number, mostMb: number, mostS: number): Shape {
  let until = Number.NEGATIVE_INFINITY
  let height = 0
  return (t) => {
    if (t >= until && random.chance(perHour / 3_600)) {
      until = t + random.logBetween(5, mostS)
      height = random.between(0.2, 1) * mostMb
    }
    return t < until ? height : 0
  }
}

/** Lasting jumps, most of them up, some back down. */
export function steps(random: Random, perDay: number, leastMb: number, mostMb: number): Shape {
  let level = 0
  return () => {
    if (random.chance(perDay / 86_400)) {
      const size = random.between(leastMb, mostMb)
      level = level > 0 && random.chance(0.4) ? Math.max(0, level - size) : level + size
    }
    return level
  }
}

/** Caches that fill after a start and are full then. */
export function warmUp(heightMb: number, tauS: number): Shape {
  return (t) => heightMb * (1 - Math.exp(-t / tauS))
}

/** What never comes back, from second `fromS` on. */
export function leak(mbPerMinute: number, fromS: number): Shape {
  return (t) => (t <= fromS ? 0 : ((t - fromS) / 60) * mbPerMinute)
}

/** Leaks by the request: nothing for a while, then a portion. */
export function leakInPortions(random: Random, mbPerMinute: number, fromS: number, everyS: number): Shape {
  let level = 0
  return (t) => {
    if (t > fromS && random.chance(1 / everyS)) level += (mbPerMinute / 60) * everyS
    return level
  }
}

/** A conversation that grows and is compacted: real growth that ends by itself. */
export function conversation(random: Random, minutes: number, heightMb: number): Shape {
  return sawtooth(random, {
    periodS: minutes * 60,
    amplitudeMb: heightMb,
    jitter: 0.25,
    incomplete: 0.1,
    residue: 0.05,
  })
}
