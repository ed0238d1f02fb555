/** One scale of time on which growth is looked for. Slopes in bytes per millisecond. */
export interface Tier {
  readonly windowMs: number
  /** Length of a block, whose floor is one point. */
  readonly blockMs: number
  /** Slower growth is none, when the room to the limit is large or not known. */
  readonly slope: number
  /** Growth that fills the room within this time counts even when it is slower. */
  readonly horizonMs: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const MB = 1_048_576
/** However small the room: below this share of its slope a tier would hear the noise of its own floor. */
const SLOWEST_SHARE = 1 / 8

const tier = (minutes: number, blockS: number, mbPerMinute: number, horizonHours: number): Tier => ({
  windowMs: minutes * MINUTE_MS,
  blockMs: blockS * 1_000,
  slope: (mbPerMinute * MB) / MINUTE_MS,
  horizonMs: horizonHours * HOUR_MS,
})

/** Fast leaks within minutes, slow ones within hours. */
export const TIERS: readonly Tier[] = [tier(10, 60, 10, 3), tier(30, 120, 2, 17), tier(120, 600, 0.5, 72)]

/** The slowest growth that counts on this tier with so much room to the limit. Bytes per millisecond. */
export function leastSlope({ slope, horizonMs }: Tier, roomBytes: number | undefined): number {
  if (roomBytes === undefined) return slope
  return Math.max(slope * SLOWEST_SHARE, Math.min(slope, roomBytes / horizonMs))
}
