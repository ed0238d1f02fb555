import type { Belonging } from './belonging.ts'
import { isOlder, type Kin } from './kin.ts'
import { type Grove, type Node, standing } from './tree.ts'

/** How trees stand within each other, and whose a process is when one is planted or felled. */
export interface Nesting {
  /** Moves a member, and what follows it within its tree, into a new one. */
  move(root: Node, to: Grove): void
  /** Trees that were here before stand in the new one when their roots follow its processes. */
  planted(tree: Grove): void
  /** Members left go to the tree around it, or become nobody's. */
  fell(tree: Grove, nowMs: number): void
}

export interface NestingOptions {
  readonly kin: Kin
  readonly belonging: Belonging
  /** All members by pid. */
  readonly nodes: Map<number, Node>
}

export function createNesting({ kin, belonging, nodes }: NestingOptions): Nesting {
  const groves = new Set<Grove>()

  /** Parents before children. */
  function following(root: Node): Node[] {
    const frontier = [root]
    const found = new Set(frontier)
    for (let at = 0; at < frontier.length; at++) {
      for (const { pid } of kin.followers(frontier[at]!.pid)) {
        const node = nodes.get(pid)
        if (node === undefined || node.tree !== root.tree || found.has(node)) continue
        if (isOlder(node, frontier[at]!)) continue
        found.add(node)
        frontier.push(node)
      }
    }
    return frontier
  }

  function bring(node: Node, to: Grove): void {
    node.tree.members.delete(node.pid)
    node.tree = to
    to.members.set(node.pid, node)
    belonging.moved(node)
  }

  return {
    move(root, to) {
      for (const node of following(root)) bring(node, to)
    },

    planted(tree) {
      for (const inner of groves) {
        if (inner.outer !== tree.outer) continue
        const root = kin.live(inner.root)
        if (root !== undefined && belonging.of(root)?.tree === tree) inner.outer = tree
      }
      groves.add(tree)
    },

    fell(tree, nowMs) {
      tree.felled = true
      groves.delete(tree)
      const heir = standing(tree)
      for (const node of [...tree.members.values()]) {
        if (heir !== undefined) {
          bring(node, heir)
          continue
        }
        tree.members.delete(node.pid)
        nodes.delete(node.pid)
        belonging.left(node, nowMs)
      }
    },
  }
}
