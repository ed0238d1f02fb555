import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import type { CgroupRef } from '../platform/cgroup/sample.ts'
import type { Clock } from '../platform/clock.ts'
import type { DockerEngine } from '../platform/docker/container.ts'
import { isRunning } from '../platform/docker/inspect.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import { createContainerGroups } from './container-group.ts'
import { createContainerGuard, incarnationOf, type Sight, stoppedAtGuard } from './container-guard.ts'
import {
  insist,
  isTooLate,
  LAST_LOOK_MS,
  type Posted,
  postOnce,
  TOO_LATE,
  timeForPost,
  until,
  wait,
} from './container-post.ts'
import { createResize } from './container-resize.ts'
import { createTerminate } from './container-terminate.ts'
import type { Effect, EffectOptions, Observation, RuntimeDriver, Target } from './model.ts'

export interface ContainerRuntimeOptions {
  readonly clock: Clock
  readonly engine: Pick<DockerEngine, 'actions'>
  /** Left out: what the engine says is all the verification there is. */
  readonly cgroups?: CgroupFinder
  /** The whole id of the container this process runs in: it and its compose project are never touched. */
  readonly ownContainer?: string | undefined
}

/** Pause and unpause take 15 ms each way; an engine that needs this long for one is not answering. */
const LONGEST_POST_MS = 5_000
/** The freezer is one read of a file; an inspect costs the engine a millisecond. */
const FREEZER_POLL_MS = 5
const INSPECT_POLL_MS = 50
/** A resume is believed when it still holds after this. */
const SETTLED_MS = 200
/** For an observation, which has no deadline of its own. */
const OBSERVE_MS = 5_000

/**
 * The mark of a paused container in `stopped` and `stoppedByOthers`: its main process on this host (0 where that is
 * not visible) with start time 0, which no process has. It stands for the whole container and can never be taken for
 * a process to signal. Only with a mark in `target.stopped` a resume unpauses; who resumes for a person what somebody
 * else had paused puts one there.
 */
export function containerMark(pid: number | undefined): ProcessKey {
  return { pid: pid ?? 0, startTime: 0 }
}

/**
 * Acts on labelled containers through the engine. Identity (id and start), label and our own container are read again
 * before every POST, and what is claimed afterwards is what the freezer says, or the engine where its file is not
 * here. Engines have no conditional calls: a container that restarts between the reading and the POST, a millisecond,
 * is noticed afterwards and let go.
 */
export function createContainerRuntime(options: ContainerRuntimeOptions): RuntimeDriver {
  const { clock, cgroups, ownContainer } = options
  const { actions } = options.engine
  const guard = createContainerGuard({ clock, actions, cgroups, ownContainer })
  const groups = createContainerGroups(cgroups)

  const postWithin = (deadlineMs: number) => timeForPost(clock, deadlineMs, LONGEST_POST_MS)

  /** What holds now: the kernel's word before the engine's, because a thawed freezer makes `paused` a lie. */
  function conditionOf(sight: Extract<Sight, { is: 'here' }>): 'running' | 'paused' | 'partial' | 'gone' {
    const frozen = groups.frozenNow(sight.group)
    if (frozen === undefined) return sight.container.state === 'paused' ? 'paused' : 'running'
    if (frozen === false) return sight.container.state === 'paused' ? 'partial' : 'running'
    return frozen === 'gone' ? 'gone' : 'paused'
  }

  async function observe(target: Target, deadlineMs: number): Promise<Observation> {
    const sight = await guard.find(target, deadlineMs)
    return sight.is === 'here' ? conditionOf(sight) : sight.is
  }

  /** The freezer alone as long as it answers: an engine that hangs after its work is done changes nothing. */
  function reached(
    target: Target,
    group: CgroupRef | undefined,
    wanted: 'running' | 'paused',
    untilMs: number,
    deadlineMs: number,
  ): Promise<Observation | undefined> {
    const poll = group === undefined ? INSPECT_POLL_MS : FREEZER_POLL_MS
    return until(clock, untilMs, poll, async () => {
      const frozen = groups.frozen(group)
      if (typeof frozen === 'boolean') return frozen === (wanted === 'paused') ? wanted : undefined
      const seen = await observe(target, deadlineMs)
      return seen === wanted || seen === 'gone' ? seen : undefined
    })
  }

  /** The one race that cannot be closed beforehand: our POST met the next life of the container, which goes on. */
  async function metAnotherLife(target: Target, deadlineMs: number): Promise<Effect | undefined> {
    const rung = 'docker_pause'
    const sight = await guard.find(target, deadlineMs)
    if (sight.is !== 'gone') return undefined
    if (sight.now?.state !== 'paused') return { outcome: 'gone', rung, touched: true }
    const { id } = sight.now
    const released = await postOnce(() => actions.unpause(id, LONGEST_POST_MS))
    const detail = `it restarted while it was being paused; the new life was ${'detail' in released ? 'not ' : ''}let go`
    return { outcome: 'gone', rung, touched: true, detail }
  }

  async function pauseOnce(
    target: Target,
    { deadlineMs, mayGoOn }: EffectOptions,
    refused: () => void,
  ): Promise<Effect> {
    const rung = 'docker_pause'
    const sight = await guard.look(target, deadlineMs)
    if (sight.is !== 'here') return stoppedAtGuard(sight, rung)
    const { container, group } = sight
    const mark = [containerMark(container.pid)]
    const condition = conditionOf(sight)
    if (condition === 'gone') return { outcome: 'gone', rung, touched: false }
    if (condition === 'partial') {
      return { outcome: 'failed', rung, touched: false, detail: 'paused for the engine, not for its freezer' }
    }
    const ours = target.stopped.length > 0
    const found = ours ? { stopped: target.stopped } : { stopped: [], stoppedByOthers: mark }
    if (condition === 'paused') return { outcome: 'noop', rung, touched: false, ...found }
    if (isTooLate(clock, deadlineMs)) return { outcome: 'failed', rung, touched: false, detail: TOO_LATE }
    if (!mayGoOn()) return { outcome: 'halted', rung, touched: false }

    const posted = await postOnce(() => actions.pause(container.id, postWithin(deadlineMs)))
    // What the engine refused is looked at once, what nobody answered as long as there is time.
    const verifyUntilMs = posted.was === 'refused' ? clock.monotonic() : deadlineMs
    const [seen, other] = await Promise.all([
      reached(target, group, 'paused', verifyUntilMs, deadlineMs),
      // A group of the next life has the path of the last one: only the engine tells them apart.
      posted.was === 'done' ? metAnotherLife(target, clock.monotonic() + LAST_LOOK_MS) : undefined,
    ])
    if (other !== undefined) return other
    if (seen === 'paused' && posted.was === 'noop') return { outcome: 'noop', rung, touched: false, ...found }
    if (posted.was === 'gone' || seen === 'gone') {
      return { outcome: 'gone', rung, touched: posted.was === 'done' || posted.was === 'unanswered' }
    }
    if (seen === 'paused') return { outcome: 'done', rung, touched: true, stopped: mark }
    if (posted.was === 'refused') {
      refused()
      return { outcome: 'failed', rung, touched: false, detail: posted.detail }
    }
    return { outcome: 'failed', rung, touched: true, stopped: mark, detail: unverified(posted, 'paused') }
  }

  async function resumeOnce(target: Target, deadlineMs: number, refused: () => void): Promise<Effect> {
    const rung = 'docker_pause'
    const ours = target.stopped.length > 0
    const sight = await guard.look(target, deadlineMs, ours ? 'paused_by_us' : 'own')
    if (sight.is !== 'here') return stoppedAtGuard(sight, rung)
    const { container, group } = sight
    const condition = conditionOf(sight)
    if (condition === 'gone') return { outcome: 'gone', rung, touched: false }
    if (condition === 'running') return { outcome: 'noop', rung, touched: false }
    if (!ours) {
      const stoppedByOthers = [containerMark(container.pid)]
      return { outcome: 'noop', rung, touched: false, stoppedByOthers, detail: 'paused by somebody else' }
    }
    if (isTooLate(clock, deadlineMs)) return { outcome: 'failed', rung, touched: false, detail: TOO_LATE }
    const posted = await postOnce(() => actions.unpause(container.id, postWithin(deadlineMs)))
    const verifyUntilMs = posted.was === 'refused' ? clock.monotonic() : deadlineMs
    const seen = await reached(target, group, 'running', verifyUntilMs, deadlineMs)
    const touched = posted.was !== 'refused' && posted.was !== 'noop'
    if (seen === 'gone' || posted.was === 'gone') return { outcome: 'gone', rung, touched }
    if (seen !== 'running') {
      if (posted.was === 'refused') refused()
      return {
        outcome: 'failed',
        rung,
        touched,
        stopped: target.stopped,
        detail: unverified(posted, 'running'),
      }
    }
    await wait(clock, SETTLED_MS)
    const now = clock.monotonic()
    const again = await reached(target, group, 'running', now, now + LAST_LOOK_MS)
    if (again === 'running') return { outcome: touched ? 'done' : 'noop', rung, touched }
    if (again === 'gone') return { outcome: 'gone', rung, touched }
    return { outcome: 'failed', rung, touched, detail: 'it was paused again at once' }
  }

  return {
    kind: 'container',
    pause: (target, options) =>
      insist(clock, options.deadlineMs, (refused) => pauseOnce(target, options, refused)),
    resume: (target, { deadlineMs }) =>
      insist(clock, deadlineMs, (refused) => resumeOnce(target, deadlineMs, refused)),
    terminate: createTerminate({ clock, actions, guard, groups }),
    resize: createResize({ clock, actions, guard, groups }),
    observe: (target) => observe(target, clock.monotonic() + OBSERVE_MS),
    async identify(target) {
      const sight = await guard.find(target, clock.monotonic() + OBSERVE_MS)
      if (sight.is === 'here') return incarnationOf(sight.container)
      if (sight.is === 'unknown') return 'unknown'
      return sight.now !== undefined && isRunning(sight.now.state) ? incarnationOf(sight.now) : 'gone'
    },
  }
}

function unverified(posted: Posted, wanted: string): string {
  return 'detail' in posted ? posted.detail : `the engine answered, but it is not verified to be ${wanted}`
}
