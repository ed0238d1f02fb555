import { createProcReader } from '../platform/proc/proc-reader.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import { createProcessTable } from '../platform/proc/process-table.ts'
import type { TreeSnapshot } from '../runtimes/model.ts'
import { createMembership } from './membership.ts'
import type { Tree } from './tree.ts'
import { createSnapshots } from './tree-snapshot.ts'

/** What is left of a tree whose root ended while nobody looked. Close it when it is not asked any more. */
export interface Remains {
  /** `undefined` when all of it has ended. Fits `Target.snapshot`. */
  snapshot(): Promise<TreeSnapshot | undefined>
  close(): void
}

/**
 * Follows the processes that were written down as members and what they start from now on. Whoever bears one of the
 * numbers by now but began at another time is nobody's. Looks with a table of its own, because the registry knows
 * only trees whose root lives.
 */
export function followRemains(root: ProcessKey, keys: readonly ProcessKey[], procRoot: string): Remains {
  const table = createProcessTable({ root: procRoot })
  const reader = createProcReader({ root: procRoot })
  const membership = createMembership(
    table.groupLives === undefined ? {} : { groupLives: (pgrp) => table.groupLives?.(pgrp) ?? false },
  )
  const take = createSnapshots({ membership, reader, table })
  let tree: Tree | undefined

  return {
    async snapshot() {
      membership.apply(await table.refresh(), performance.now())
      if (tree === undefined) {
        for (const key of keys) {
          if (table.get(key.pid)?.startTime !== key.startTime) continue
          if (tree === undefined) tree = membership.plant(key)
          else membership.adopt(key, tree)
        }
      }
      if (tree === undefined || tree.members.size === 0) return undefined
      return { ...take(tree), root }
    },
    close: () => reader.close(),
  }
}
