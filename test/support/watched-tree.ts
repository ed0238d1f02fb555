import { createMembership } from '../../src/agents/membership.ts'
import { type ProcessSpace, processIncarnation } from '../../src/agents/model.ts'
import { createSnapshots } from '../../src/agents/tree-snapshot.ts'
import { readBootId, readPidNamespace } from '../../src/platform/proc/kernel-facts.ts'
import { createProcReader } from '../../src/platform/proc/proc-reader.ts'
import type { ProcessKey } from '../../src/platform/proc/process.ts'
import { createProcessTable } from '../../src/platform/proc/process-table.ts'
import type { Target, TreeSnapshot } from '../../src/runtimes/model.ts'

const OWN_SPACE: ProcessSpace = {
  bootId: readBootId()!,
  pidNamespace: String(readPidNamespace('self')),
}

/** A tree whose members are followed as the daemon follows them, without the rest of the daemon. */
export interface WatchedTree extends Disposable {
  readonly target: Target
  snapshot(): TreeSnapshot
}

/**
 * Follows the tree below a live process; looks around every `intervalMs`, and at every snapshot. A tree that waits to
 * be met is told.
 */
export function watchTree(root: ProcessKey & { met?(): void }, intervalMs = 100): WatchedTree {
  const table = createProcessTable()
  const reader = createProcReader()
  const membership = createMembership({ groupLives: (pgrp) => table.groupLives!(pgrp) })
  const pass = () => {
    const changes = table.refresh() as Exclude<ReturnType<typeof table.refresh>, Promise<unknown>>
    membership.apply(changes, performance.now())
  }
  pass()
  const tree = membership.plant(root)
  if (tree === undefined) throw new Error(`process ${root.pid} is not there`)
  root.met?.()
  const take = createSnapshots({ membership, reader, table })
  const timer = setInterval(pass, intervalMs)
  const snapshot = () => {
    pass()
    return take(tree)
  }
  const target: Target = {
    agent: `watched-${root.pid}`,
    incarnation: processIncarnation(OWN_SPACE, root),
    runtime: 'process',
    snapshot: async () => snapshot(),
    stopped: [],
    stoppedByOthers: [],
  }
  return {
    target,
    snapshot,
    [Symbol.dispose]() {
      clearInterval(timer)
      reader.close()
    },
  }
}
