import type { ProcessChanges, ProcessEntry, ProcessKey } from '../platform/proc/process.ts'
import { createLastSeen, type LastSeen } from './counters.ts'
import { createKin } from './kin.ts'

/**
 * Which processes belong to which agent. Membership is sticky: `(pid, start time)` once seen under a root stays a
 * member until it dies, whatever happens to its parents.
 *
 * A process joins when, as first seen, one of these is or lately was a member:
 * 1. its parent;
 * 2. the leader of its session: everything in a session descends from the leader;
 * 3. if it is an orphan, the leader of its process group. A pipeline `agent | tee` puts the user's `tee` into the
 *    agent's group, but `tee` still has the user's shell as its parent.
 *
 * The user's own jobs share a session with an agent they started, but its leader is their shell, not a member.
 * Members that died are remembered for a while as parents and leaders: the kernel gives no number away that a
 * live group or session still uses, so nobody else can bear it.
 *
 * Per pass the cost is in what changed, never in how many processes there are.
 */
export interface Membership {
  /** Takes the changes of one pass of the process table. The answer is valid until the next call. */
  apply(changes: ProcessChanges, nowMs: number): MembershipChanges
  /**
   * Makes a live process the root of a new tree; its descendants come with it, also out of the tree around it.
   * `undefined` when the process is not there (any more).
   */
  plant(root: ProcessKey): Tree | undefined
  /**
   * Takes a process that proved otherwise (by its environment) that it belongs to the tree. With it comes the session
   * it is in, when that began below the root and its leader has ended: a relay of forking processes in there is never
   * met one by one.
   */
  adopt(key: ProcessKey, tree: Tree): Member | undefined
  /** Ends a tree: members left go to the tree around it, or become nobody's. */
  fell(tree: Tree, nowMs: number): void
  memberOf(pid: number): Member | undefined
  /** Numbers of workers of the tree, living and lately dead: the process groups they may lead or have led. */
  leaders(tree: Tree): Iterable<number>
  /** What is kept, for tests of growth. */
  size(): { readonly processes: number; readonly remembered: number; readonly links: number }
}

/**
 * `worker`: measured and stopped with its agent. `service`: a daemon that serves the whole user session and only
 * happened to be started here (or something below one): listed, neither measured nor ever stopped.
 */
export type MemberKind = 'worker' | 'service'

export interface Member extends ProcessKey {
  readonly tree: Tree
  readonly kind: MemberKind
  readonly ppid: number
  readonly session: number
  readonly pgrp: number
  readonly comm: string
  /** Moves with the process from tree to tree, so that no agent counts again what another has counted. */
  readonly seen: LastSeen
}

export interface Tree {
  readonly root: ProcessKey
  /** The tree this one stands in, also when that one was planted later. */
  readonly outer: Tree | undefined
  /** By pid; parents come before their children. */
  readonly members: ReadonlyMap<number, Member>
}

export interface MembershipChanges {
  readonly joined: readonly Member[]
  readonly left: readonly Member[]
}

/** Daemons of the user session that tools start on demand (CONTROL: listed, never stopped). */
const SERVICES = new Set([
  'tmux',
  'tmux: server',
  'screen',
  'SCREEN',
  'ssh-agent',
  'gpg-agent',
  'dbus-daemon',
  'watchman',
  'adb',
])

/**
 * How long a dead member is still known as parent and leader. A relay of forking processes shows a live link at
 * every pass, so a minute bridges any pass that was skipped.
 */
const REMEMBER_MS = 60_000

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

interface Node extends Mutable<Member> {
  tree: Grove
  /** The kind it would have without its own name. */
  inherited: MemberKind
}

interface Grove extends Tree {
  outer: Grove | undefined
  readonly members: Map<number, Node>
  felled: boolean
}

/** A number that is or was a member's, as parents and leaders are found by it. */
interface Link {
  tree: Grove
  kind: MemberKind
  /** The member itself and every member whose session or group it leads, as far as alive. */
  uses: number
}

export interface MembershipOptions {
  /** Whether a process group of this number is left, with members seen or not. */
  readonly groupLives?: (pgrp: number) => boolean
}

export function createMembership({ groupLives = () => false }: MembershipOptions = {}): Membership {
  const processes = new Map<number, ProcessEntry>()
  const kin = createKin()
  const nodes = new Map<number, Node>()
  const links = new Map<number, Link>()
  const groves = new Set<Grove>()
  let forgetting: { pid: number; link: Link; at: number }[] = []
  const joined: Node[] = []
  const left: Node[] = []

  function standing(tree: Grove): Grove | undefined {
    let at: Grove | undefined = tree
    while (at?.felled) at = at.outer
    return at
  }

  function linkOf(pid: number): { tree: Grove; kind: MemberKind } | undefined {
    const link = links.get(pid)
    if (link === undefined) return undefined
    const tree = standing(link.tree)
    return tree === undefined ? undefined : { tree, kind: link.kind }
  }

  function isOrphan(entry: ProcessEntry): boolean {
    return entry.ppid <= 1 || processes.get(entry.ppid)?.session !== entry.session
  }

  function belongsTo(entry: ProcessEntry): { tree: Grove; kind: MemberKind } | undefined {
    const byParent = linkOf(entry.ppid)
    if (byParent !== undefined) return byParent
    const bySession = entry.session === entry.pid ? undefined : linkOf(entry.session)
    if (bySession !== undefined) return bySession
    return entry.pgrp === entry.pid || !isOrphan(entry) ? undefined : linkOf(entry.pgrp)
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

  function unlink({ pid, session, pgrp }: Node, nowMs: number): void {
    release(pid, nowMs)
    if (session !== pid) release(session, nowMs)
    if (pgrp !== pid && pgrp !== session) release(pgrp, nowMs)
  }

  function join(entry: ProcessEntry, tree: Grove, inherited: MemberKind): Node {
    const kind = SERVICES.has(entry.comm) ? 'service' : inherited
    const { pid, startTime, ppid, session, pgrp, comm } = entry
    const seen = createLastSeen()
    const node: Node = { pid, startTime, ppid, session, pgrp, comm, tree, kind, inherited, seen }
    nodes.set(pid, node)
    tree.members.set(pid, node)
    links.set(pid, { tree, kind, uses: 1 })
    if (session !== pid) hold(session)
    if (pgrp !== pid && pgrp !== session) hold(pgrp)
    joined.push(node)
    return node
  }

  /** Takes in who follows the processes in `frontier`, and who follows those: parents before children. */
  function spread(frontier: ProcessEntry[]): void {
    for (let at = 0; at < frontier.length; at++) {
      for (const pid of kin.followers(frontier[at]!.pid)) {
        const entry = processes.get(pid)
        if (entry === undefined || nodes.has(pid) || isOlder(entry, frontier[at]!)) continue
        const place = belongsTo(entry)
        if (place === undefined) continue
        join(entry, place.tree, place.kind)
        frontier.push(entry)
      }
    }
  }

  /**
   * The leader of a session is an ancestor of everybody in it: of a proven descendant of the root it is one too,
   * unless the root itself or somebody above it was in that session.
   */
  function linkSession({ session }: ProcessEntry, tree: Grove): void {
    const { root } = tree
    if (session <= 1 || links.has(session) || processes.has(session)) return
    if (processes.get(root.pid)?.session === session || nodes.get(root.pid)?.session === session) return
    for (const pid of kin.followers(session)) {
      const entry = processes.get(pid)
      if (entry?.session === session && isOlder(entry, root)) return
    }
    links.set(session, { tree, kind: 'worker', uses: 0 })
  }

  /** The process and those of its session: parents before children as far as they are known. */
  function followersOf(entry: ProcessEntry): ProcessEntry[] {
    const found = [entry]
    if (linkOf(entry.session) === undefined) return found
    for (const pid of kin.followers(entry.session)) {
      const other = processes.get(pid)
      if (other === undefined || nodes.has(pid)) continue
      const place = belongsTo(other)
      if (place === undefined) continue
      join(other, place.tree, place.kind)
      found.push(other)
    }
    return found
  }

  function leave(node: Node, nowMs: number): void {
    nodes.delete(node.pid)
    node.tree.members.delete(node.pid)
    left.push(node)
    unlink(node, nowMs)
  }

  function remove(key: ProcessKey, nowMs: number): void {
    const entry = processes.get(key.pid)
    if (entry === undefined || entry.startTime !== key.startTime) return
    processes.delete(key.pid)
    kin.remove(entry)
    const node = nodes.get(key.pid)
    if (node !== undefined) leave(node, nowMs)
  }

  function forget(nowMs: number): void {
    let kept = 0
    while (kept < forgetting.length && forgetting[kept]!.at <= nowMs) {
      const { pid, link } = forgetting[kept++]!
      if (link.uses > 0 || nodes.has(pid) || links.get(pid) !== link) continue
      // A relay may fork and exit too fast to be ever seen alive; its group is all there is to hold it by.
      if (groupLives(pid)) forgetting.push({ pid, link, at: nowMs + REMEMBER_MS })
      else links.delete(pid)
    }
    if (kept > 0) forgetting = forgetting.slice(kept)
  }

  function rename(entry: ProcessEntry): void {
    if (processes.get(entry.pid)?.startTime !== entry.startTime) return
    const node = nodes.get(entry.pid)
    if (node === undefined) return
    node.comm = entry.comm
    node.kind = SERVICES.has(entry.comm) ? 'service' : node.inherited
    const link = links.get(entry.pid)
    if (link !== undefined) link.kind = node.kind
  }

  /** Moves a member and what follows it within its tree; the maps keep parents before children. */
  function move(root: Node, to: Grove): void {
    const from = root.tree
    const frontier = [root]
    const moved = new Set(frontier)
    for (let at = 0; at < frontier.length; at++) {
      for (const pid of kin.followers(frontier[at]!.pid)) {
        const node = nodes.get(pid)
        if (node === undefined || node.tree !== from || moved.has(node)) continue
        if (isOlder(node, frontier[at]!)) continue
        moved.add(node)
        frontier.push(node)
      }
    }
    for (const node of frontier) {
      from.members.delete(node.pid)
      node.tree = to
      to.members.set(node.pid, node)
      const link = links.get(node.pid)
      if (link !== undefined) link.tree = to
    }
  }

  /** Trees that were here before stand in the new one when their roots follow its processes. */
  function surround(tree: Grove): void {
    for (const inner of groves) {
      if (inner === tree || inner.outer !== tree.outer) continue
      const root = live(inner.root)
      if (root !== undefined && belongsTo(root)?.tree === tree) inner.outer = tree
    }
  }

  function live(key: ProcessKey): ProcessEntry | undefined {
    const entry = processes.get(key.pid)
    return entry?.startTime === key.startTime ? entry : undefined
  }

  return {
    apply({ appeared, renamed, vanished }, nowMs) {
      joined.length = 0
      left.length = 0
      forget(nowMs)
      for (const key of vanished) remove(key, nowMs)
      for (const entry of appeared) {
        const before = processes.get(entry.pid)
        if (before !== undefined) remove(before, nowMs)
        // A new process with this number proves that no group or session of the old one is left.
        links.delete(entry.pid)
        processes.set(entry.pid, entry)
        kin.add(entry)
      }
      for (const entry of appeared) {
        if (nodes.has(entry.pid) || processes.get(entry.pid) !== entry) continue
        const place = belongsTo(entry)
        if (place === undefined) continue
        join(entry, place.tree, place.kind)
        spread([entry])
      }
      for (const entry of renamed) rename(entry)
      return { joined, left }
    },

    plant(root) {
      const entry = live(root)
      if (entry === undefined) return undefined
      const node = nodes.get(entry.pid)
      const { pid, startTime } = entry
      const tree: Grove = {
        root: { pid, startTime },
        outer: node?.tree,
        members: new Map(),
        felled: false,
      }
      if (node === undefined) {
        join(entry, tree, 'worker')
        spread([entry])
      } else {
        move(node, tree)
        node.kind = 'worker'
        node.inherited = 'worker'
      }
      surround(tree)
      groves.add(tree)
      return tree
    },

    adopt(key, tree) {
      const entry = live(key)
      if (entry === undefined || nodes.has(key.pid)) return undefined
      linkSession(entry, tree as Grove)
      const node = join(entry, tree as Grove, 'worker')
      spread(followersOf(entry))
      return node
    },

    fell(tree, nowMs) {
      const grove = tree as Grove
      grove.felled = true
      groves.delete(grove)
      const heir = standing(grove)
      for (const node of [...grove.members.values()]) {
        grove.members.delete(node.pid)
        if (heir === undefined) {
          nodes.delete(node.pid)
          unlink(node, nowMs)
        } else {
          node.tree = heir
          heir.members.set(node.pid, node)
          links.get(node.pid)!.tree = heir
        }
      }
    },

    memberOf: (pid) => nodes.get(pid),
    *leaders(tree) {
      for (const [pid, link] of links) {
        if (link.kind === 'worker' && standing(link.tree) === tree) yield pid
      }
    },
    size: () => ({ processes: processes.size, remembered: links.size, links: kin.size() }),
  }
}

/**
 * Nobody is older than its parent or than the leader of its session: who names this number and was there before
 * meant an earlier bearer of it, and follows nobody here.
 */
function isOlder(follower: ProcessKey, leader: ProcessKey): boolean {
  return follower.startTime < leader.startTime
}
