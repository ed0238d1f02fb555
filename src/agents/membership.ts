import type { ProcessChanges, ProcessEntry, ProcessKey } from '../platform/proc/process.ts'
import { createBelonging } from './belonging.ts'
import { createLastSeen } from './counters.ts'
import { createKin, isOlder } from './kin.ts'
import { createNesting } from './nesting.ts'
import { type Grove, kindOf, type Member, type MemberKind, type Node, type Tree } from './tree.ts'

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

export interface MembershipChanges {
  readonly joined: readonly Member[]
  readonly left: readonly Member[]
}

export interface MembershipOptions {
  /** Whether a process group of this number is left, with members seen or not. */
  readonly groupLives?: (pgrp: number) => boolean
}

export function createMembership({ groupLives = () => false }: MembershipOptions = {}): Membership {
  const nodes = new Map<number, Node>()
  const kin = createKin()
  const belonging = createBelonging({ kin, isMember: (pid) => nodes.has(pid), groupLives })
  const nesting = createNesting({ kin, belonging, nodes })
  const joined: Node[] = []
  const left: Node[] = []

  function join(entry: ProcessEntry, tree: Grove, inherited: MemberKind): Node {
    const kind = kindOf(entry.comm, inherited)
    const { pid, startTime, ppid, session, pgrp, comm } = entry
    const seen = createLastSeen()
    const node: Node = { pid, startTime, ppid, session, pgrp, comm, tree, kind, inherited, seen }
    nodes.set(pid, node)
    tree.members.set(pid, node)
    belonging.joined(node)
    joined.push(node)
    return node
  }

  /** Takes in a process that is nobody's member, if it belongs to a tree. */
  function takeIn(entry: ProcessEntry): Node | undefined {
    const place = belonging.of(entry)
    return place === undefined ? undefined : join(entry, place.tree, place.kind)
  }

  /** Takes in who follows the processes in `frontier`, and who follows those: parents before children. */
  function spread(frontier: ProcessEntry[]): void {
    for (let at = 0; at < frontier.length; at++) {
      for (const entry of kin.followers(frontier[at]!.pid)) {
        if (nodes.has(entry.pid) || isOlder(entry, frontier[at]!)) continue
        if (takeIn(entry) !== undefined) frontier.push(entry)
      }
    }
  }

  /** The process and those of its session: parents before children as far as they are known. */
  function followersOf(entry: ProcessEntry): ProcessEntry[] {
    const found = [entry]
    if (!belonging.hasSession(entry.session)) return found
    for (const other of kin.followers(entry.session)) {
      if (!nodes.has(other.pid) && takeIn(other) !== undefined) found.push(other)
    }
    return found
  }

  function remove(key: ProcessKey, nowMs: number): void {
    const node = kin.remove(key) && nodes.get(key.pid)
    if (node === undefined) return
    nodes.delete(node.pid)
    node.tree.members.delete(node.pid)
    left.push(node)
    belonging.left(node, nowMs)
  }

  function rename(entry: ProcessEntry): void {
    const node = kin.live(entry) && nodes.get(entry.pid)
    if (node === undefined) return
    node.comm = entry.comm
    node.kind = kindOf(entry.comm, node.inherited)
    belonging.turned(node)
  }

  return {
    apply({ appeared, renamed, vanished }, nowMs) {
      joined.length = 0
      left.length = 0
      belonging.forget(nowMs)
      for (const key of vanished) remove(key, nowMs)
      for (const entry of appeared) {
        const before = kin.get(entry.pid)
        if (before !== undefined) remove(before, nowMs)
        belonging.reborn(entry.pid)
        kin.add(entry)
      }
      for (const entry of appeared) {
        if (nodes.has(entry.pid) || kin.get(entry.pid) !== entry) continue
        if (takeIn(entry) !== undefined) spread([entry])
      }
      for (const entry of renamed) rename(entry)
      return { joined, left }
    },

    plant(root) {
      const entry = kin.live(root)
      if (entry === undefined) return undefined
      const { pid, startTime } = entry
      const node = nodes.get(pid)
      const tree: Grove = { root: { pid, startTime }, outer: node?.tree, members: new Map(), felled: false }
      if (node === undefined) {
        join(entry, tree, 'worker')
        spread([entry])
      } else {
        nesting.move(node, tree)
        node.kind = 'worker'
        node.inherited = 'worker'
      }
      nesting.planted(tree)
      return tree
    },

    adopt(key, tree) {
      const entry = kin.live(key)
      if (entry === undefined || nodes.has(key.pid)) return undefined
      belonging.proven(entry, tree as Grove)
      const node = join(entry, tree as Grove, 'worker')
      spread(followersOf(entry))
      return node
    },

    fell: (tree, nowMs) => nesting.fell(tree as Grove, nowMs),
    memberOf: (pid) => nodes.get(pid),
    leaders: belonging.leaders,
    size: () => ({ ...kin.size(), remembered: belonging.size }),
  }
}
