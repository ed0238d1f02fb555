import { setTimeout as delay } from 'node:timers/promises'
import type { ActingDaemon } from '../acting-daemon.ts'
import { AWKWARD, BOXED, PAUSED, SHARED, SPENT, TWIN } from './living-agents.ts'
import type { LivingDaemons } from './living-daemons.ts'

const TICK_MS = 1_000
const json = { 'content-type': 'application/json' }

/** What is done by and to the agents, second by second. */
export interface LivingStory extends AsyncDisposable {
  /** Seconds told so far. */
  readonly tick: number
}

/**
 * Use is reported every second as long as the fleet lives, and something asked for every few: rates and counts of the
 * last minutes need that. Everything else happens once or twice at its second.
 */
export function tellLivingStory({ first, second }: LivingDaemons): LivingStory {
  const over = new AbortController()
  let tick = 0

  const post = (daemon: ActingDaemon, agent: string, path: string, body: object) =>
    daemon.call('POST', `/api/v1/agents/${encodeURIComponent(agent)}/${path}`, body)
  const use = (daemon: ActingDaemon, agent: string, body: object) => post(daemon, agent, 'usage', body)

  function work(): Promise<unknown>[] {
    const failedApiCalls = tick % 7 === 0 ? 1 : 0
    const tokens = { input: 400, output: 100, cacheRead: 900, cacheWrite: 50 }
    const files = [{ op: 'read', count: 2 }, { op: 'write' }, ...(tick % 3 === 0 ? [{ op: 'modify' }] : [])]
    return [
      ...[first, second].map((daemon) =>
        use(daemon, SHARED, {
          ...{ tokens: { ...tokens, provider: 'anthropic', model: 'large-1' }, apiCalls: 2, failedApiCalls },
          ...{ costUsd: 0.02, files, subtasks: tick % 4 === 0 ? 1 : 0 },
        }),
      ),
      use(first, AWKWARD, {
        tokens: { ...tokens, provider: `o'neill "ai"`, model: 'x\\y +1 ü' },
        ...{ apiCalls: 1, failedApiCalls: tick % 2, costUsd: 0.4, files, subtasks: tick % 4 === 0 ? 1 : 0 },
      }),
      use(first, BOXED, {
        ...{ tokens: { ...tokens, provider: 'local', model: 'small' }, apiCalls: 1, costUsd: 0.001, files },
      }),
      // A long time below its limit, then beyond it, and again after it was resumed with as much as before.
      ...[first, second].map((daemon) =>
        use(daemon, SPENT, {
          ...{ tokens: { input: 450, provider: 'local', model: 'small' }, apiCalls: 1, files },
        }),
      ),
    ]
  }

  async function events(): Promise<void> {
    if (tick % 6 === 2) {
      for (const daemon of [first, second]) {
        await post(daemon, SHARED, 'deliverables', { type: tick % 12 === 2 ? 'code_commit' : 'test_passed' })
      }
      await post(first, AWKWARD, 'deliverables', { type: 'documentation' })
    }
    // However the time of the story is stretched, something was asked for lately.
    if (tick % 4 === 1) await post(first, SHARED, 'pause', { dryRun: true })
    // By its limit it stands still by now; a resume ends the epoch.
    if (tick % 28 === 16) await post(second, SPENT, 'resume?wait=5s', {})
    switch (tick) {
      case 6:
        // Held by a person to the end.
        await post(second, PAUSED, 'pause?wait=5s', { reason: 'to be looked at' })
        return
      case 8:
      case 13:
        await post(first, BOXED, 'pause?wait=5s', { reason: 'for a moment' })
        return
      case 10:
      case 15:
        await post(first, BOXED, 'resume?wait=5s', {})
        return
      case 11:
      case 18:
        // Refused: two processes claim the id. Failed: the kernel gives no such size.
        await post(first, TWIN, 'pause', { reason: 'which of them?' })
        await post(first, BOXED, 'resize?wait=5s', { memoryBytes: 6 * 2 ** 20 })
        return
      case 9:
      case 20:
        await first.get('/api/v1/agents/nobody')
        await first.get('/api/v1/agents', { method: 'POST', headers: json, body: '{' })
        await second.get(`/api/v1/agents/${SPENT}/pause`, { method: 'POST', headers: json, body: '{}' })
        return
    }
  }

  const told = (async () => {
    while (!over.signal.aborted) {
      tick++
      await Promise.all([...work(), events()]).catch((error: unknown) => {
        if (!over.signal.aborted) throw error
      })
      await delay(TICK_MS, undefined, { signal: over.signal }).catch(() => undefined)
    }
  })()
  return {
    get tick() {
      return tick
    },
    async [Symbol.asyncDispose]() {
      over.abort()
      await told
    },
  }
}
