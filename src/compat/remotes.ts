import type { AgentId } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import { type KeptSample, OFFLINE_AFTER_MS, type RemoteSample } from './model.ts'

/** Another daemon that tells about its agents here. */
export interface RemoteDaemon {
  readonly id: string
  readonly status: 'online' | 'offline'
  /** Wall clock, milliseconds. */
  readonly lastSeenAtMs: number
}

export interface RemoteAgent {
  readonly newest: KeptSample
  /** `offline`: its whole daemon is silent, so nobody knows how it is. */
  readonly status: 'online' | 'offline'
}

/** What other daemons told last: one sample per agent, so that who tells much hides nobody. */
export interface Remotes {
  told(origin: string, samples: readonly RemoteSample[]): void
  /** It told something else than samples. */
  seen(origin: string): void
  /** As it was left by the run before. */
  restore(samples: readonly KeptSample[]): void
  /** Agents that live as far as anybody knows. */
  agents(): readonly RemoteAgent[]
  daemons(): readonly RemoteDaemon[]
  /** The daemon that told about this agent last. */
  originOf(agent: AgentId): string | undefined
  size(): number
}

/** After this an agent or daemon that has fallen silent is forgotten. */
export const REMEMBERED_MS = 24 * 3_600_000
/** Of one daemon. A host holds some hundred; a client that makes up names must not fill the memory. */
const MOST_AGENTS = 5_000
const MOST_DAEMONS = 500

interface Daemon {
  readonly id: string
  /** Monotonic. Times of other clocks decide nothing. */
  seenAtMs: number
  /** Of the sample it took last. Wall clock. */
  newestAtMs: number
  readonly agents: Map<AgentId, { newest: KeptSample; seenAtMs: number }>
}

export function createRemotes(clock: Clock): Remotes {
  const daemons = new Map<string, Daemon>()

  /** Longest silent first: whoever speaks moves to the end. */
  function daemonOf(id: string): Daemon {
    const known = daemons.get(id)
    daemons.delete(id)
    const daemon = known ?? { id, seenAtMs: 0, newestAtMs: 0, agents: new Map() }
    daemons.set(id, daemon)
    if (daemons.size > MOST_DAEMONS) drop(daemons)
    return daemon
  }

  function put(daemon: Daemon, newest: KeptSample, seenAtMs: number): void {
    const known = daemon.agents.get(newest.agent)
    // What was told late, after a break in the network, is history.
    if (known !== undefined && isLater(known.newest.atMs, newest.atMs)) return
    if (!isLater(daemon.newestAtMs, newest.atMs)) daemon.newestAtMs = newest.atMs
    daemon.agents.delete(newest.agent)
    daemon.agents.set(newest.agent, { newest, seenAtMs })
    if (daemon.agents.size > MOST_AGENTS) drop(daemon.agents)
  }

  function forget(): void {
    const before = clock.monotonic() - REMEMBERED_MS
    for (const [id, daemon] of daemons) {
      if (daemon.seenAtMs < before) daemons.delete(id)
      else
        for (const [agent, { seenAtMs }] of daemon.agents) if (seenAtMs < before) daemon.agents.delete(agent)
    }
  }

  /** A time that lies ahead is of before our clock was set back. */
  const isLater = (aMs: number, bMs: number) => aMs > bMs && aMs <= clock.now()
  const isSilent = (seenAtMs: number) => clock.monotonic() - seenAtMs > OFFLINE_AFTER_MS

  return {
    told(origin, samples) {
      forget()
      const daemon = daemonOf(origin)
      daemon.seenAtMs = clock.monotonic()
      for (const sample of samples) put(daemon, { ...sample, origin }, daemon.seenAtMs)
    },

    seen(origin) {
      daemonOf(origin).seenAtMs = clock.monotonic()
    },

    restore(samples) {
      const now = clock.now()
      for (const sample of samples.toSorted((a, b) => a.atMs - b.atMs)) {
        const seenAtMs = clock.monotonic() - Math.max(0, now - sample.atMs)
        const daemon = daemonOf(sample.origin)
        daemon.seenAtMs = daemon.agents.size === 0 ? seenAtMs : Math.max(daemon.seenAtMs, seenAtMs)
        put(daemon, sample, seenAtMs)
      }
    },

    agents() {
      const found: RemoteAgent[] = []
      for (const daemon of daemons.values()) {
        const status = isSilent(daemon.seenAtMs) ? 'offline' : 'online'
        for (const { newest, seenAtMs } of daemon.agents.values()) {
          // Its daemon goes on telling and no longer about it: it has ended. With a daemon that fell silent its agents
          // were there to the last.
          const lastMs = status === 'online' ? clock.monotonic() : daemon.seenAtMs
          const silentMs = Math.max(lastMs - seenAtMs, daemon.newestAtMs - newest.atMs)
          if (silentMs <= OFFLINE_AFTER_MS) found.push({ newest, status })
        }
      }
      return found
    },

    daemons() {
      forget()
      return [...daemons.values()].map(({ id, seenAtMs }) => ({
        id,
        status: isSilent(seenAtMs) ? ('offline' as const) : ('online' as const),
        lastSeenAtMs: clock.now() - (clock.monotonic() - seenAtMs),
      }))
    },

    originOf(agent) {
      let newest: KeptSample | undefined
      for (const { agents } of daemons.values()) {
        const sample = agents.get(agent)?.newest
        if (sample !== undefined && (newest === undefined || sample.atMs > newest.atMs)) newest = sample
      }
      return newest?.origin
    },

    size: () => [...daemons.values()].reduce((sum, { agents }) => sum + agents.size, 0),
  }
}

function drop(map: Map<string, unknown>): void {
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
