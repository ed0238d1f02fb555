import type { CgroupRef } from '../platform/cgroup/sample.ts'
import type { Clock } from '../platform/clock.ts'
import type { EngineActions } from '../platform/docker/container.ts'
import type { ContainerGroups } from './container-group.ts'
import { type ContainerGuard, stoppedAtGuard } from './container-guard.ts'
import { isTooLate, postOnce, TOO_LATE, timeForPost, until } from './container-post.ts'
import type { Effect, Target, TerminateOptions } from './model.ts'

export interface ContainerParts {
  readonly clock: Clock
  readonly actions: EngineActions
  readonly guard: ContainerGuard
  readonly groups: ContainerGroups
}

/** Between the engine's SIGKILL and its answer: tearing a container down took up to a second on a busy disk. */
const STOP_MARGIN_MS = 3_000
/** Kept of the deadline for a SIGKILL of ours, should the engine's stop not have helped. */
const KILL_RESERVE_MS = 1_500
/** An engine says so up to 20 ms after the group is gone. */
const ENDED_POLL_MS = 25
/** How long the engine may take to agree that it ended once the kernel says so. */
const AGREE_MS = 1_000
const MS_PER_SECOND = 1_000
/** A day, and still a delay that timers keep. */
const LONGEST_GRACE_SECONDS = 86_400

/**
 * `stop` first: one POST in which the engine itself sends the gentle signal, waits for the grace and kills, also when
 * we end meanwhile, and which keeps a restart policy from starting it anew. It works on a paused container too (the
 * signal waits until the engine thaws it). If it still runs after that, `kill`.
 */
export function createTerminate({ clock, actions, guard, groups }: ContainerParts) {
  type Ending = 'ended' | 'restarted' | 'kernel_only' | { readonly left: number } | undefined

  /** Both must agree: the engine that it does not run, the kernel that nobody is left in its group. */
  async function ended(
    target: Target,
    group: CgroupRef | undefined,
    untilMs: number,
    deadlineMs: number,
  ): Promise<Ending> {
    let emptySinceMs: number | undefined
    let left = 0
    const answer = await until<Ending>(clock, untilMs, ENDED_POLL_MS, async () => {
      const occupants = groups.occupants(group)
      const isEmpty = occupants === 'gone' || occupants === 0
      left = typeof occupants === 'number' ? occupants : 0
      if (isEmpty) emptySinceMs ??= clock.monotonic()
      // The engine is asked within the time in which it should agree: one that hangs does not undo a death.
      const askUntilMs = Math.min(deadlineMs, (emptySinceMs ?? deadlineMs) + AGREE_MS)
      const sight = await guard.find(target, askUntilMs)
      const engineSaysEnded = sight.is === 'gone'
      if (engineSaysEnded && sight.now !== undefined && sight.now.startedAt !== target.container?.startedAt) {
        return 'restarted'
      }
      if (engineSaysEnded && (isEmpty || occupants === undefined)) return 'ended'
      if (emptySinceMs !== undefined && clock.monotonic() - emptySinceMs >= AGREE_MS) return 'kernel_only'
      return undefined
    })
    if (answer !== undefined) return answer
    if (emptySinceMs !== undefined) return 'kernel_only'
    return left > 0 ? { left } : undefined
  }

  function verdict(ending: Ending, rung: Effect['rung']): Effect | undefined {
    const done = { outcome: 'done', rung, touched: true } as const
    if (ending === 'ended') return done
    if (ending === 'restarted') return { ...done, detail: 'the engine has started it again: another life' }
    if (ending === 'kernel_only')
      return { ...done, detail: 'its group is empty; the engine has not said so yet' }
    return undefined
  }

  return async (target: Target, { deadlineMs, graceMs, mayGoOn }: TerminateOptions): Promise<Effect> => {
    const first = await guard.look(target, deadlineMs)
    if (first.is !== 'here') return stoppedAtGuard(first, 'docker_stop')
    const { id } = first.container
    const untouched = { rung: 'docker_stop', touched: false } as const
    if (isTooLate(clock, deadlineMs)) return { outcome: 'failed', ...untouched, detail: TOO_LATE }
    if (!mayGoOn()) return { outcome: 'halted', ...untouched }

    // Whole seconds are all the engine knows. Never more than there is time to verify.
    const spareMs = deadlineMs - clock.monotonic() - KILL_RESERVE_MS
    const wanted = Math.min(LONGEST_GRACE_SECONDS, Math.ceil(graceMs / MS_PER_SECOND))
    const grace = Math.max(0, Math.min(wanted, Math.floor(spareMs / MS_PER_SECOND)))
    const stopWithinMs = Math.min(
      grace * MS_PER_SECOND + STOP_MARGIN_MS,
      timeForPost(clock, deadlineMs - KILL_RESERVE_MS / 2, spareMs),
    )
    const stop = await postOnce(() => actions.stop(id, grace, Math.max(1, stopWithinMs)))
    const isStopped = stop.was === 'done' || stop.was === 'noop' || stop.was === 'gone'
    const lookUntilMs = isStopped ? deadlineMs - KILL_RESERVE_MS : clock.monotonic()
    const stopped = await ended(target, first.group, lookUntilMs, deadlineMs)
    const done = verdict(stopped, 'docker_stop')
    if (done !== undefined) {
      // It ended by itself before our signal.
      return stop.was === 'noop' || stop.was === 'gone' ? { ...untouched, outcome: 'gone' } : done
    }

    const touched = stop.was !== 'refused'
    const second = await guard.look(target, deadlineMs)
    if (second.is === 'gone') {
      const late = verdict(await ended(target, first.group, deadlineMs, deadlineMs), 'docker_stop')
      return late ?? leftOver(stopped, 'docker_stop')
    }
    if (second.is !== 'here')
      return { outcome: 'failed', rung: 'docker_stop', touched, detail: second.detail }
    if (!mayGoOn()) return { outcome: 'halted', rung: 'docker_stop', touched }
    const within = timeForPost(clock, deadlineMs, KILL_RESERVE_MS)
    const kill = await postOnce(() => actions.kill(id, 'SIGKILL', within))
    const killed = await ended(target, second.group ?? first.group, deadlineMs, deadlineMs)
    const settled = verdict(killed, 'docker_kill')
    if (settled !== undefined) return settled
    if (kill.was === 'refused' && !touched) {
      return { outcome: 'failed', rung: 'docker_kill', touched: false, detail: kill.detail }
    }
    if ('detail' in kill)
      return { outcome: 'failed', rung: 'docker_kill', touched: true, detail: kill.detail }
    return leftOver(killed, 'docker_kill')
  }
}

function leftOver(ending: unknown, rung: Effect['rung']): Effect {
  const { left } = (ending ?? {}) as { readonly left?: number }
  if (left === undefined) {
    return { outcome: 'failed', rung, touched: true, detail: 'not verified to have ended' }
  }
  return { outcome: 'partial', rung, touched: true, detail: `${left} of its processes are left` }
}
