import type { ProcessEntry } from '../platform/proc/process.ts'
import { isOlder, type Kin } from './kin.ts'
import { type Grove, type MemberKind, type Node, standing, type Tree } from './tree.ts'

/** To which tree a process belongs, by the numbers it names: those of members, and of members that lately died. */
export interface Belonging {
  /** By its parent, else the leader of its session, else, if it is an orphan, the leader of its group. */
  of(entry: ProcessEntry): Place | undefined
  /** Whether everybody in this session belongs somewhere. */
  hasSession(session: number): boolean
  joined(node: Node): void
  /** It died, or is nobody's any more. */
  left(node: Node, nowMs: number): void
  /** It is in another tree now. */
  moved(node: Node): void
  /** By its name it is of another kind now. */
  turned(node: Node): void
  /** A new process bears this number: no group or session of the old one is left. */
  reborn(pid: number): void
  /** A process in this session was proven to be a descendant of the root. */
  proven(entry: ProcessEntry, tree: Grove): void
  /** Drops numbers that were remembered for long enough. */
  forget(nowMs: number): void
  /** Numbers of workers of the tree, living and lately dead. */
  leaders(tree: Tree): Iterable<number>
  readonly size: number
}

export interface Place {
  readonly tree: Grove
  readonly kind: MemberKind
}

/**
 * How long a dead member is still known as parent and leader. A relay of forking processes shows a live link at
 * every pass, so a minute bridges any pass that was skipped.
 */
const REMEMBER_MS = 60_000

/** A number that is or was a member's, as parents and leaders are found by it. */
interface Link {
  tree: Grove
  kind: MemberKind
  /** The member itself and every member whose session or group it leads, as far as alive. */
  uses: number
}

export interface BelongingOptions {
  readonly kin: Kin
  readonly isMember: (pid: number) => boolean
  /** Whether a process group of this number is left, with members seen or not. */
  readonly groupLives: (pgrp: number) => boolean
}

export function createBelonging({ kin, isMember, groupLives }: BelongingOptions): Belonging {
  const links = new Map<number, Link>()
  let forgetting: { pid: number; link: Link; at: number }[] = []

  function placeBy(pid: number): Place | undefined {
    const link = links.get(pid)
    if (link === undefined) return undefined
    const tree = standing(link.tree)
    return tree === undefined ? undefined : { tree, kind: link.kind }
  }

  function hold(pid: number): void {
    const link = links.get(pid)
    if (link !== undefined) link.uses++
  }

  function release(pid: number, nowMs: number): void {
    const link = links.get(pid)
    if (link === undefined || --link.uses > 0) return
    forgetting.push({ pid, link, at: nowMs + REMEMBER_MS })
  }

  return {
    of(entry) {
      const byParent = placeBy(entry.ppid)
      if (byParent !== undefined) return byParent
      const bySession = entry.session === entry.pid ? undefined : placeBy(entry.session)
      if (bySession !== undefined) return bySession
      return entry.pgrp === entry.pid || !kin.isOrphan(entry) ? undefined : placeBy(entry.pgrp)
    },
    hasSession: (session) => placeBy(session) !== undefined,

    joined({ pid, session, pgrp, tree, kind }) {
      links.set(pid, { tree, kind, uses: 1 })
      if (session !== pid) hold(session)
      if (pgrp !== pid && pgrp !== session) hold(pgrp)
    },
    left({ pid, session, pgrp }, nowMs) {
      release(pid, nowMs)
      if (session !== pid) release(session, nowMs)
      if (pgrp !== pid && pgrp !== session) release(pgrp, nowMs)
    },
    moved({ pid, tree }) {
      const link = links.get(pid)
      if (link !== undefined) link.tree = tree
    },
    turned({ pid, kind }) {
      const link = links.get(pid)
      if (link !== undefined) link.kind = kind
    },
    reborn(pid) {
      links.delete(pid)
    },

    proven({ session }, tree) {
      const { root } = tree
      if (session <= 1 || links.has(session) || kin.get(session) !== undefined) return
      // The leader is an ancestor of everybody in its session: of this one too, and so a descendant of the root,
      // unless the root itself or somebody above it was in that session.
      if (kin.get(root.pid)?.session === session) return
      for (const entry of kin.followers(session)) {
        if (entry.session === session && isOlder(entry, root)) return
      }
      links.set(session, { tree, kind: 'worker', uses: 0 })
    },

    forget(nowMs) {
      let kept = 0
      while (kept < forgetting.length && forgetting[kept]!.at <= nowMs) {
        const { pid, link } = forgetting[kept++]!
        if (link.uses > 0 || isMember(pid) || links.get(pid) !== link) continue
        // A relay may fork and exit too fast to be ever seen alive; its group is all there is to hold it by.
        if (groupLives(pid)) forgetting.push({ pid, link, at: nowMs + REMEMBER_MS })
        else links.delete(pid)
      }
      if (kept > 0) forgetting = forgetting.slice(kept)
    },

    *leaders(tree) {
      for (const [pid, link] of links) {
        if (link.kind === 'worker' && standing(link.tree) === tree) yield pid
      }
    },
    get size() {
      return links.size
    },
  }
}
