import type { Member } from '../agents/tree.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { RunCage } from './cage.ts'
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
  readonly kill: (pid: number, signal: NodeJS.Signals | 0) => void
  /** The control group of the command, when it has one of its own. */
  readonly cage?: Pick<RunCage, 'members' | 'kill'> | undefined
  /** Ends who outruns every look, and answers whom: at once, for there is no second look at them. */
  readonly outrun: () => readonly ProcessKey[]
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
/** A relay may slip through one look; its group is still there then. Zombies that nobody reaps keep it, too. */
const QUIET_LOOKS = 3

/**
 * Ends what is left of the tree: SIGTERM, after the grace SIGKILL until a full pass finds nothing. The start time
 * is read again immediately before each signal.
 */
export async function cleanUp(options: CleanupOptions): Promise<Cleanup> {
  const { tree, session, graceMs, isHurried, isAlive, kill, cage, outrun, sleep, monotonic } = options
  const seen = new Set<string>()
  const asked = new Set<string>()

  let quietLooks = 0
  let living: readonly Member[] = []

  async function look(): Promise<void> {
    const found = await tree.passWithMarkers()
    living = tree.rest().filter(isAlive)
    for (const member of living) seen.add(nameOf(member))
    quietLooks = living.length === 0 && !found.some(({ kind }) => kind === 'worker') ? quietLooks + 1 : 0
  }

  /** Who is in the command's own group besides daemons of the user's session. */
  function caged(): readonly number[] {
    return (cage?.members() ?? []).filter((pid) => tree.memberOf(pid)?.kind !== 'service')
  }

  /** In one step whatever forks meanwhile; not when somebody is in it who is to be spared. */
  function endCaged(): void {
    const pids = caged()
    if (pids.length > 0 && pids.length === cage?.members()?.length) cage.kill()
  }

  function isOver(): boolean {
    if (caged().length > 0) return false
    return quietLooks >= (session !== undefined && hasGroup(session) ? QUIET_LOOKS : 1)
  }

  function hasGroup(group: number): boolean {
    try {
      kill(-group, 0)
      return true
    } catch {
      return false
    }
  }

  function send(member: Member, signal: NodeJS.Signals): void {
    try {
      if (isAlive(member)) kill(member.pid, signal)
    } catch {
      // Ended in this moment, or another user's: the next pass tells.
    }
  }

  /**
   * One call for a whole group: a relay that forks and exits is never there any more when its pid is signalled. A
   * group counts when somebody of the own session was read in it in this very moment.
   */
  async function sendToGroups(): Promise<void> {
    const joined = await tree.pass()
    const present = [...joined, ...tree.rest().filter(isAlive)]
    const groups = present.filter((member) => member.session === session).map(({ pgrp }) => pgrp)
    for (const group of new Set(groups)) {
      if (group <= 1) continue
      try {
        kill(-group, 'SIGKILL')
      } catch {
        // Empty by now.
      }
    }
  }

  const end = monotonic() + graceMs
  await look()
  while (!isOver() && monotonic() < end && !isHurried()) {
    for (const member of living) {
      if (asked.has(nameOf(member))) continue
      asked.add(nameOf(member))
      send(member, 'SIGTERM')
    }
    await sleep(LOOK_EVERY_MS)
    await look()
  }
  /** Whether nobody was met who leaves each session before he is looked at. */
  function isAlone(): boolean {
    const caught = outrun()
    for (const key of caught) seen.add(nameOf(key))
    return caught.length === 0
  }

  for (let pass = 0; pass < MOST_PASSES && !(isOver() && isAlone()); pass++) {
    endCaged()
    await sendToGroups()
    for (const member of living) send(member, 'SIGKILL')
    await sleep(BETWEEN_PASSES_MS)
    await look()
  }
  return { found: seen.size, left: living.length }
}

const nameOf = ({ pid, startTime }: ProcessKey): string => `${pid}:${startTime}`
