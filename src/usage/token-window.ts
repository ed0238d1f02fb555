import { add } from './amount.ts'
import { TOKEN_TYPES, type TokenCounts, type TokenType } from './model.ts'

/** The token rate is what was used within this much active time. */
const WINDOW_MS = 60_000
const SLOT_MS = 1_000
const SLOTS = WINDOW_MS / SLOT_MS

/** Tokens of one second of active time: the second, then one count per type in the order of `TOKEN_TYPES`. */
type Slot = readonly number[]

/** Oldest first, at most one slot per second of the window. */
export type TokenWindow = readonly Slot[]

/** Tokens and how many milliseconds of active time ago they were used. */
export interface AgedTokens {
  readonly ageMs: number
  readonly tokens: TokenCounts
}

/**
 * Adds to the window what lies in it. What was used before `sinceMs` of active time belongs to an earlier epoch.
 */
export function addToWindow(
  window: TokenWindow,
  activeNowMs: number,
  sinceMs: number,
  uses: Iterable<AgedTokens>,
): TokenWindow {
  const first = firstSlot(activeNowMs)
  const slots = new Map<number, number[]>()
  for (const [second = 0, ...counts] of window) if (second >= first) slots.set(second, counts)
  for (const { ageMs, tokens } of uses) {
    const usedAtMs = activeNowMs - ageMs
    const second = Math.floor(usedAtMs / SLOT_MS)
    if (usedAtMs < sinceMs || second < first) continue
    let counts = slots.get(second)
    if (counts === undefined) {
      counts = TOKEN_TYPES.map(() => 0)
      slots.set(second, counts)
    }
    for (let place = 0; place < TOKEN_TYPES.length; place++) {
      counts[place] = add(counts[place] ?? 0, tokens[TOKEN_TYPES[place]!] ?? 0)
    }
  }
  return [...slots].sort(([a], [b]) => a - b).map(([second, counts]) => [second, ...counts])
}

/** Tokens by type within the last minute of active time. */
export function sumWindow(window: TokenWindow, activeNowMs: number): TokenCounts {
  const first = firstSlot(activeNowMs)
  const sums: Partial<Record<TokenType, number>> = {}
  for (const [second = 0, ...counts] of window) {
    if (second < first) continue
    for (const [place, type] of TOKEN_TYPES.entries()) {
      const count = counts[place] ?? 0
      if (count > 0) sums[type] = add(sums[type] ?? 0, count)
    }
  }
  return sums
}

function firstSlot(activeNowMs: number): number {
  return Math.floor(activeNowMs / SLOT_MS) - SLOTS + 1
}
