import { containerIncarnation } from '../agents/model.ts'
import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import type { CgroupRef } from '../platform/cgroup/sample.ts'
import type { Clock } from '../platform/clock.ts'
import type { ContainerNow, EngineActions } from '../platform/docker/container.ts'
import { locateContainer } from '../platform/docker/container-cgroup.ts'
import type { DockerFailure } from '../platform/docker/failure.ts'
import { isLabelled, isRunning } from '../platform/docker/inspect.ts'
import type { Effect, Rung, Target } from './model.ts'

/** What a fresh inspect says about a target. */
export type Sight =
  | { readonly is: 'here'; readonly container: ContainerNow; readonly group: CgroupRef | undefined }
  /** Ended, removed, or in another life: `now` is that life. */
  | { readonly is: 'gone'; readonly now: ContainerNow | undefined }
  /** Not ours to touch. */
  | { readonly is: 'forbidden'; readonly detail: 'unlabelled_container' | 'own_container' }
  | { readonly is: 'unknown'; readonly detail: string }

/**
 * Whose word the label must be. `own`: put on by who made the container. `paused_by_us`: a container of ours stays
 * resumable when its image was removed meanwhile, so that nobody can say any more who brought the label.
 */
export type LabelRule = 'own' | 'paused_by_us'

export interface ContainerGuard {
  /** Asks the engine now: nothing that was known before is taken for the present. */
  look(target: Target, deadlineMs: number, rule?: LabelRule): Promise<Sight>
  /** Only which life it is; for reading, which needs no permission. */
  find(target: Target, deadlineMs: number): Promise<Exclude<Sight, { is: 'forbidden' }>>
}

export interface ContainerGuardOptions {
  readonly clock: Clock
  readonly actions: EngineActions
  readonly cgroups: CgroupFinder | undefined
  /** The whole id of the container this process runs in. */
  readonly ownContainer: string | undefined
}

/** An inspect takes milliseconds; an engine under load a second. */
const LONGEST_INSPECT_MS = 5_000
const PROJECT_LABEL = 'com.docker.compose.project'

export function createContainerGuard(options: ContainerGuardOptions): ContainerGuard {
  const { clock, actions, cgroups, ownContainer } = options
  /** Asked once: labels of a container never change. Null: we are in no project. */
  let ownProject: string | null | undefined = ownContainer === undefined ? null : undefined

  function inspect(id: string, deadlineMs: number): Promise<ContainerNow> {
    const left = deadlineMs - clock.monotonic()
    if (left <= 0) return Promise.reject(new Error('no time is left to ask the engine'))
    return actions.inspectNow(id, Math.min(left, LONGEST_INSPECT_MS))
  }

  /** @throws DockerFailure when the engine does not say */
  async function learnOwnProject(own: string, deadlineMs: number): Promise<string | null> {
    try {
      return (await inspect(own, deadlineMs)).allLabels[PROJECT_LABEL] ?? null
    } catch (error) {
      // The engine we talk to is not the one we run in.
      if ((error as DockerFailure).kind === 'not_found') return null
      throw error
    }
  }

  async function find({ container: wanted }: Target, deadlineMs: number) {
    if (wanted === undefined) return { is: 'unknown', detail: 'missing_data' } as const
    let now: ContainerNow
    try {
      now = await inspect(wanted.id, deadlineMs)
    } catch (error) {
      if ((error as DockerFailure).kind === 'not_found') return { is: 'gone', now: undefined } as const
      return { is: 'unknown', detail: (error as Error).message } as const
    }
    if (!isRunning(now.state) || now.startedAt !== wanted.startedAt) return { is: 'gone', now } as const
    const group = cgroups === undefined ? undefined : locateContainer(cgroups, now)
    return { is: 'here', container: now, group } as const
  }

  return {
    find,
    async look(target, deadlineMs, rule = 'own') {
      if (target.container?.id === ownContainer && ownContainer !== undefined) {
        return { is: 'forbidden', detail: 'own_container' }
      }
      const sight = await find(target, deadlineMs)
      if (sight.is !== 'here') return sight
      const { ownLabels, allLabels } = sight.container
      const labels = rule === 'own' ? ownLabels : (ownLabels ?? allLabels)
      if (labels === undefined || !isLabelled(labels)) {
        return { is: 'forbidden', detail: 'unlabelled_container' }
      }
      if (ownProject === undefined && ownContainer !== undefined) {
        try {
          ownProject = await learnOwnProject(ownContainer, deadlineMs)
        } catch (error) {
          return { is: 'unknown', detail: `our own compose project is unknown: ${(error as Error).message}` }
        }
      }
      // An image that names our project shall not make its containers untouchable: own labels only.
      if (typeof ownProject === 'string' && labels[PROJECT_LABEL] === ownProject) {
        return { is: 'forbidden', detail: 'own_container' }
      }
      return sight
    },
  }
}

export function incarnationOf({ id, startedAt }: ContainerNow): string {
  return containerIncarnation(id, startedAt)
}

/** The effect of an action that ended at the guard: nothing was touched. */
export function stoppedAtGuard(sight: Exclude<Sight, { is: 'here' }>, rung: Rung): Effect {
  if (sight.is === 'gone') return { outcome: 'gone', rung, touched: false }
  return { outcome: 'failed', rung, touched: false, detail: sight.detail }
}
