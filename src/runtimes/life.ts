import { type Incarnation, type ProcessSpace, processIncarnation } from '../agents/model.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Target, TreeSnapshot } from './model.ts'
import type { StateReader } from './task-state.ts'

const NUMBER = /^\d{1,15}$/

/** The root process an incarnation is named after; `undefined` for one of another boot or pid namespace. */
export function rootOf(incarnation: Incarnation, space: ProcessSpace): ProcessKey | undefined {
  const [bootId, pidNamespace, pid, startTime, ...rest] = incarnation.split(':')
  if (bootId !== space.bootId || pidNamespace !== space.pidNamespace || rest.length > 0) return undefined
  if (!NUMBER.test(pid ?? '') || !NUMBER.test(startTime ?? '')) return undefined
  return { pid: Number(pid), startTime: Number(startTime) }
}

/** Finds out whether the life that is meant is the one that is there. */
export interface Lives {
  /** The tree of the target, when it is the target's; reads the process table anew. */
  find(target: Target): Promise<TreeSnapshot | 'gone'>
  /** The incarnation under the target's name. */
  identify(target: Target): Promise<Incarnation | 'gone'>
}

export interface LivesOptions {
  readonly space: ProcessSpace
  readonly states: StateReader
}

export function createLives({ space, states }: LivesOptions): Lives {
  const isSame = (a: ProcessKey, b: ProcessKey) => a.pid === b.pid && a.startTime === b.startTime

  /** A tree may outlive its root, but then the snapshot has to say which root that was. */
  function belongs(root: ProcessKey, tree: TreeSnapshot): boolean {
    if (tree.root !== undefined) return isSame(tree.root, root)
    return tree.processes.some((process) => isSame(process, root))
  }

  async function find(target: Target): Promise<TreeSnapshot | 'gone'> {
    const root = rootOf(target.incarnation, space)
    if (root === undefined) return 'gone'
    const tree = await target.snapshot?.()
    if (tree === undefined || !belongs(root, tree)) return 'gone'
    // A group without a process that was seen holds zombies, or a relay too fast to be seen.
    return tree.processes.length === 0 && tree.groups.length === 0 ? 'gone' : tree
  }

  return {
    find,
    async identify(target) {
      const root = rootOf(target.incarnation, space)
      if (root === undefined) return 'gone'
      if (states.read(root).standing !== 'dead') return target.incarnation
      const tree = await find(target)
      if (tree !== 'gone' && tree.processes.length > 0) return target.incarnation
      const now = states.whoIs(root.pid)
      return now === undefined || isSame(now, root) ? 'gone' : processIncarnation(space, now)
    },
  }
}
