import type { Member } from '../agents/membership.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { OwnTree } from './tree.ts'

export interface CleanupOptions {
  readonly tree: OwnTree
  /** Leader of the session that is the child's alone; absent when it shares ours. */
  readonly session: number | undefined
  /** Between SIGTERM and SIGKILL, milliseconds. 0: SIGKILL at once. */
  readonly graceMs: number
  /** Whether somebody does not want to wait for the grace. */
  readonly isHurried: () => boolean
  /** Whether that very process runs: neither ended, nor a zombie without threads, nor another under its number. */
  readonly isAlive: (key: ProcessKey) => boolean
  /** kill(2); a negative number is a group. */
  readonly kill: (pid: number, signal: NodeJS.Signals) => void
  readonly sleep: (ms: number) => Promise<void>
  readonly monotonic: () => number
}

export interface Cleanup {
  /** Processes that were there when the child had ended, or came later. */
  readonly found: number
  /** Of these, how many still run after everything: another user's, or stuck in the kernel. */
  readonly left: number
}

const LOOK_EVERY_MS = 50
/** A tree that forks faster than it is killed is given up on after this many passes. */
const MOST_PASSES = 20
const BETWEEN_PASSES_MS = 20

/**
 * Ends what is left of the tree: SIGTERM, after the grace SIGKILL until a full pass finds nothing. The start time
 * is read again immediately before each signal.
 */
export async function cleanUp(options: CleanupOptions): Promise<Cleanup> {
  const { tree, session, graceMs, isHurried, isAlive, kill, sleep, monotonic } = options
  const seen = new Set<string>()
  const asked = new Set<string>()

  async function look(): Promise<readonly Member[]> {
    await tree.passWithMarkers()
    const living = tree.rest().filter(isAlive)
    for (const member of living) seen.add(nameOf(member))
    return living
  }

  function send(member: Member, signal: NodeJS.Signals): void {
    try {
      if (isAlive(member)) kill(member.pid, signal)
    } catch {
      // Ended in this moment, or another user's: the next pass tells.
    }
  }

  /** One call for a whole group: a relay that forks and exits is never there when its pid is signalled. */
  function sendToGroups(members: readonly Member[]): void {
    const groups = new Set(members.filter((m) => m.session === session).map((m) => m.pgrp))
    for (const group of groups) {
      if (group <= 1 || !members.some((m) => m.pgrp === group && isAlive(m))) continue
      try {
        kill(-group, 'SIGKILL')
      } catch {
        // Empty by now.
      }
    }
  }

  const end = monotonic() + graceMs
  let living = await look()
  while (living.length > 0 && monotonic() < end && !isHurried()) {
    for (const member of living) {
      if (asked.has(nameOf(member))) continue
      asked.add(nameOf(member))
      send(member, 'SIGTERM')
    }
    await sleep(LOOK_EVERY_MS)
    living = await look()
  }
  for (let pass = 0; pass < MOST_PASSES && living.length > 0; pass++) {
    sendToGroups(living)
    for (const member of living) send(member, 'SIGKILL')
    await sleep(BETWEEN_PASSES_MS)
    living = await look()
  }
  return { found: seen.size, left: living.length }
}

const nameOf = ({ pid, startTime }: ProcessKey): string => `${pid}:${startTime}`
