import type { AgentId } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import { Problem } from '../platform/problem.ts'

/** The seed's daemons tell every ten seconds and raise an alert of each type once a minute. */
const MOST = { sample: 720, alert: 300 } as const
const WINDOW_MS = 3_600_000
/** Who was counted longest ago is forgotten first. */
const MOST_COUNTED = 10_000

/** How often this host may tell about one agent: an agent that may tell about itself must not fill the disk. */
export interface Quota {
  /** @throws Problem AE_TOO_MANY_REQUESTS; then nothing was taken of what one of the agents has left */
  take(kind: keyof typeof MOST, agents: Iterable<AgentId>): void
}

export function createQuota(clock: Clock): Quota {
  const windows = new Map<string, { readonly fromMs: number; count: number }>()

  function windowOf(key: string) {
    const now = clock.monotonic()
    const known = windows.get(key)
    if (known !== undefined && now - known.fromMs < WINDOW_MS) return known
    const fresh = { fromMs: now, count: 0 }
    windows.delete(key)
    windows.set(key, fresh)
    const [oldest] = windows.keys()
    if (windows.size > MOST_COUNTED && oldest !== undefined) windows.delete(oldest)
    return fresh
  }

  return {
    take(kind, agents) {
      const counted = Array.from(new Set(agents), (agent) => windowOf(`${kind}:${agent}`))
      if (counted.some(({ count }) => count >= MOST[kind])) {
        throw new Problem('AE_TOO_MANY_REQUESTS', `Of one agent ${MOST[kind]} ${kind}s are taken in an hour.`)
      }
      for (const one of counted) one.count++
    },
  }
}
