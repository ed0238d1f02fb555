import type { ProcessKey } from '../platform/proc/process.ts'
import type { LastSeen } from './counters.ts'

/**
 * `worker`: measured and stopped with its agent. `service`: a daemon that serves the whole user session and only
 * happened to be started here (or something below one): listed, neither measured nor ever stopped.
 */
export type MemberKind = 'worker' | 'service'

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

export function kindOf(comm: string, inherited: MemberKind): MemberKind {
  return SERVICES.has(comm) ? 'service' : inherited
}

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

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** A member as those write to it who keep the trees. */
export interface Node extends Mutable<Member> {
  tree: Grove
  /** The kind it would have without its own name. */
  inherited: MemberKind
}

/** A tree as those write to it who keep the trees. */
export interface Grove extends Tree {
  outer: Grove | undefined
  readonly members: Map<number, Node>
  felled: boolean
}

/** The tree itself or, once it was felled, the next around it that was not. */
export function standing(tree: Grove): Grove | undefined {
  let at: Grove | undefined = tree
  while (at?.felled) at = at.outer
  return at
}
