/** What a stretch of time looked like, oldest first: lowest and highest bytes per slot, NaN where nothing was read. */
export interface Envelope {
  readonly stepMs: number
  /** End of the newest slot, monotonic milliseconds. */
  readonly endMs: number
  readonly low: Float64Array
  readonly high: Float64Array
}

/**
 * The recent past of one series in slots of ten seconds, two hours at most. One object per agent, written at every
 * sample: whoever judges reads an envelope of it.
 */
export interface Slots {
  /** Keeps one sample; `undefined` = a failed read, which leaves a gap. Times never go back. */
  add(atMs: number, bytes: number | undefined): void
  /** Forgets everything: what comes next is another series. */
  cut(): void
  /** The last `spanMs` at most, undefined when nothing was kept. */
  envelope(spanMs?: number): Envelope | undefined
  /** Time between the oldest and the newest slot. */
  readonly spanMs: number
  /** Memory of the kept numbers in bytes. */
  readonly bytes: number
}

/** Short enough that the floor of a one-minute block is a choice among six. */
const STEP_MS = 10_000
/** The longest window of the tiers. */
const SLOTS = 720
/** A shorter gap only thins the blocks out. After a longer one nobody knows what the agent did meanwhile. */
export const LONGEST_GAP_MS = 15 * 60_000
/** An agent that lives for seconds must not cost what one costs that lives for hours. */
const FIRST_SLOTS = 45

/** Single precision holds 256 bytes of 4 GiB, far below what any trend is measured in. */
export function createSlots(): Slots {
  let low = new Float32Array(FIRST_SLOTS)
  let high = new Float32Array(FIRST_SLOTS)
  /** Numbers of slots since the clock began. */
  let first = 0
  let last = -1

  const slots: Slots = {
    add(atMs, bytes) {
      if (bytes === undefined || !Number.isFinite(bytes)) return
      const slot = Math.floor(atMs / STEP_MS)
      if ((slot - last) * STEP_MS > LONGEST_GAP_MS) slots.cut()
      if (last < first) {
        first = slot
        last = slot - 1
      }
      while (last < slot) {
        last++
        if (last - first >= low.length) makeRoom()
        low[last % low.length] = Number.NaN
        high[last % low.length] = Number.NaN
      }
      const at = slot % low.length
      if (!(low[at]! <= bytes)) low[at] = bytes
      if (!(high[at]! >= bytes)) high[at] = bytes
    },
    cut() {
      first = 0
      last = -1
    },
    envelope(spanMs = Number.POSITIVE_INFINITY) {
      if (last < first) return undefined
      const from = Math.max(first, last - Math.ceil(spanMs / STEP_MS) + 1)
      const count = last - from + 1
      const lows = new Float64Array(count)
      const highs = new Float64Array(count)
      for (let i = 0; i < count; i++) {
        const at = (from + i) % low.length
        lows[i] = low[at]!
        highs[i] = high[at]!
      }
      return { stepMs: STEP_MS, endMs: (last + 1) * STEP_MS, low: lows, high: highs }
    },
    get spanMs() {
      return (last - first + 1) * STEP_MS
    },
    get bytes() {
      return low.byteLength + high.byteLength
    },
  }

  /** Called when slot `last` does not fit: the ring grows, or the oldest slot falls out. */
  function makeRoom(): void {
    if (low.length >= SLOTS) {
      first++
      return
    }
    const size = Math.min(SLOTS, low.length * 2)
    const grownLow = new Float32Array(size)
    const grownHigh = new Float32Array(size)
    for (let slot = first; slot < last; slot++) {
      grownLow[slot % size] = low[slot % low.length]!
      grownHigh[slot % size] = high[slot % low.length]!
    }
    low = grownLow
    high = grownHigh
  }

  return slots
}
