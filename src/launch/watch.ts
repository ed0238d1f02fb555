import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentId } from '../agents/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { ProcessEntry } from '../platform/proc/process.ts'
import { createProcessTable } from '../platform/proc/process-table.ts'
import type { RunCage } from './cage.ts'
import { type Cleanup, cleanUp } from './cleanup.ts'
import type { DaemonLink } from './daemon-link.ts'
import { commandLineOf, identifyOwn, isRunning, killOutrunners } from './processes.ts'
import { createSubtasks, type Subtasks } from './subtasks.ts'
import { createOwnTree } from './tree.ts'
import { createUseReport } from './use-report.ts'

/** What is looked at while the command runs, and ended after it. */
export interface TreeWatch {
  start(): void
  cleanUp(options: {
    readonly session: number | undefined
    readonly graceMs: number
    readonly isHurried: () => boolean
    readonly cage: RunCage | undefined
  }): Promise<Cleanup>
  /** Stops looking and tells the daemon the rest; answers how many subtasks were never told. */
  finish(withinMs: number): Promise<number>
}

export interface TreeWatchOptions {
  readonly clock: Clock
  readonly link: DaemonLink
  readonly id: AgentId
  readonly root: ProcessEntry
  readonly space: string | undefined
  readonly commands: () => Promise<ReadonlySet<string>>
  readonly onUnknown: () => void
}

/** A double fork that is younger than this when its parent ends is found by its marker only. */
const LOOK_EVERY_MS = 1_000

/** Watches the tree of a child: nothing is read before the first second is over, most commands are shorter. */
export function watchTree(options: TreeWatchOptions): TreeWatch {
  const { clock, link, id, root, space, onUnknown } = options
  const incarnation = space === undefined ? undefined : `${space}:${root.pid}:${root.startTime}`
  const table = createProcessTable()
  const tree = createOwnTree({ clock, table, root, id, incarnation, identify: identifyOwn })
  const report = createUseReport({ clock, link, id, onUnknown })
  let subtasks: Subtasks | undefined
  let timer: Timer | undefined
  let isOver = false

  function later(): void {
    if (!isOver) timer = clock.setTimer(LOOK_EVERY_MS, () => void look())
  }

  async function look(): Promise<void> {
    subtasks ??= createSubtasks({
      tree,
      root,
      commands: await options.commands(),
      identify: identifyOwn,
      commandLine: commandLineOf,
    })
    if (isOver) return
    report.add(await subtasks.count())
    later()
  }

  return {
    start: later,
    cleanUp(how) {
      isOver = true
      timer?.cancel()
      return cleanUp({
        ...how,
        tree,
        isAlive: isRunning,
        kill: (pid, signal) => process.kill(pid, signal),
        outrun: () => (incarnation === undefined ? [] : killOutrunners({ id, incarnation, root })),
        sleep: (ms) => sleep(ms),
        monotonic: clock.monotonic,
      })
    },
    async finish(withinMs) {
      isOver = true
      timer?.cancel()
      return await report.flush(withinMs)
    },
  }
}
