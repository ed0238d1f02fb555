import type { Agent, Incarnation } from '../agents/model.ts'
import { containerIncarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { ContainerIncident, ContainerInfo } from '../platform/docker/container.ts'
import type { Living } from './living.ts'
import type { Lookout } from './lookout.ts'
import type { Marks } from './marks.ts'
import type { ExitEvidence } from './model.ts'
import type { OpenEnds } from './open-ends.ts'
import { subjectOfContainer } from './subject.ts'

/** An end seen by a sample and the `die` of the same end lie no further apart. */
const LATE_MS = 5_000

export interface ContainerEndsDependencies {
  readonly clock: Clock
  readonly marks: Marks
  readonly lookout: Lookout
  readonly living: Living
  readonly ends: OpenEnds
  readonly agentOf: (incarnation: Incarnation) => Agent | undefined
}

/** What the engine tells of ends. */
export interface ContainerEnds {
  onIncident(incident: ContainerIncident): void
  /** The engine has inspected a container after its end. */
  onChanged(container: ContainerInfo): void
}

export function createContainerEnds(dependencies: ContainerEndsDependencies): ContainerEnds {
  const { clock, marks, lookout, living, ends, agentOf } = dependencies

  function die(
    container: ContainerInfo,
    agent: Agent | undefined,
    atMs: number,
    exitCode: number | undefined,
  ): void {
    lookout.look()
    const subject = subjectOfContainer(container, agent)
    const exit: ExitEvidence | undefined =
      exitCode === undefined ? undefined : { source: 'engine', code: exitCode }
    const known = ends.of(subject.incarnation)
    if (known !== undefined) {
      // Seen missing by a sample first; the engine is later but knows more.
      known.exit = exit ?? known.exit
      known.hasDied = true
      ends.plan(known)
      return
    }
    // It was started again and died before anybody looked: what the engine showed last is the life before.
    const before = ends.settled(subject.incarnation)
    const isNext = before !== undefined
    if (before === 'without die' && Math.abs((agent?.endedAtMs ?? atMs) - atMs) < LATE_MS) return
    ends.begin(
      {
        subject: isNext ? { ...subject, incarnation: `${container.id}:died-${Math.round(atMs)}` } : subject,
        ...{ life: 'ended', ended: { atMs, by: 'event' } },
        ...{ agent: isNext ? undefined : agent, containerId: container.id },
        ...{ after: undefined, exit, output: undefined },
        limitBytes: agent?.reading.memoryLimitBytes ?? container.memoryLimitBytes,
      },
      'die',
    )
  }

  return {
    onIncident({ action, container, at, exitCode, signal }) {
      const { id } = container
      const mark = { action, atMs: at, ...(signal === undefined ? {} : { signal }) }
      const now = clock.monotonic()
      marks.event(id, exitCode === undefined ? mark : { ...mark, exitCode }, now, clock.now() - now)
      lookout.noteMain(container)
      if (action === 'kill') return
      const incarnation = containerIncarnation(id, container.startedAt)
      const agent = agentOf(incarnation)
      if (action === 'oom') {
        if (marks.group(id, now) === undefined) marks.groupKills(id, incarnation, now, 0)
        // It can still be read for some ten milliseconds.
        lookout.readGroup(id)
        living.suspect(incarnation, () => subjectOfContainer(container, agent), agent, id)
        return
      }
      die(container, agent, at, exitCode)
    },

    onChanged(container) {
      lookout.noteMain(container)
      for (const end of ends.list()) {
        if (end.containerId !== container.id || end.after !== undefined) continue
        const isOver = container.finishedAt !== undefined
        const isNext = Date.parse(container.startedAt) > end.ended.atMs
        if (!isOver && !isNext) continue
        end.after = container
        if (end.exit?.source !== 'engine' && isOver && !isNext && container.exitCode !== undefined) {
          end.exit = { source: 'engine', code: container.exitCode }
        }
        ends.plan(end)
      }
    },
  }
}
