import type { ContainerLimits, ContainerNow } from '../platform/docker/container.ts'
import { stoppedAtGuard } from './container-guard.ts'
import { isTooLate, postOnce, TOO_LATE, timeForPost, until } from './container-post.ts'
import type { ContainerParts } from './container-terminate.ts'
import type { Effect, EffectOptions, Size, Target } from './model.ts'

const MIB = 1024 * 1024
/** Engines refuse less (20.10 says "Minimum memory limit allowed is 6MB" and means MiB). */
const LEAST_MEMORY_BYTES = 6 * MIB
/** Engines refuse less than a hundredth of a core. */
const LEAST_CPUS = 0.01
/** Room between present usage and a new limit: whichever is more. */
const MARGIN_RATIO = 0.05
const MARGIN_BYTES = 16 * MIB
/** The kernel rounds a limit down to its page, which is 64 KiB at most. */
const LARGEST_PAGE_BYTES = 64 * 1024
/** A quota is whole microseconds of a period. */
const CPU_TOLERANCE = 0.01
const LONGEST_UPDATE_MS = 10_000
/** Files follow the answer of the engine at once. */
const VERIFY_MS = 1_000
const VERIFY_POLL_MS = 50

/**
 * The least limit that a container using this much may get. Below its usage cgroup v1 refuses and v2 kills
 * (KEP-1287), so what cannot be read is never resized.
 */
export function leastMemory(usageBytes: number): number {
  return Math.max(LEAST_MEMORY_BYTES, usageBytes + Math.max(usageBytes * MARGIN_RATIO, MARGIN_BYTES))
}

/** Swap stays as much as it was; where no limit was set, what engines give by themselves: as much again. */
export function limitsFor(
  size: Size,
  now: Pick<ContainerNow, 'memoryLimitBytes' | 'memorySwapLimitBytes' | 'cpuPeriodUs'>,
): ContainerLimits {
  const { memoryBytes, cpus } = size
  const { memoryLimitBytes: memory, memorySwapLimitBytes: total } = now
  let memorySwapBytes: number | undefined
  if (memoryBytes !== undefined) {
    if (memory === undefined) memorySwapBytes = memoryBytes * 2
    else memorySwapBytes = total === undefined ? -1 : memoryBytes + Math.max(0, total - memory)
  }
  return {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    // Always both: raising memory above the old sum alone is refused.
    ...(memorySwapBytes === undefined ? {} : { memorySwapBytes }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(cpus === undefined || now.cpuPeriodUs === undefined ? {} : { cpuPeriodUs: now.cpuPeriodUs }),
  }
}

export function createResize({ clock, actions, guard, groups }: ContainerParts) {
  const rung = 'docker_update'
  const untouched = (outcome: 'failed' | 'halted' | 'noop', detail?: string): Effect => ({
    outcome,
    rung,
    touched: false,
    ...(detail === undefined ? {} : { detail }),
  })

  return async (target: Target, size: Size, { deadlineMs, mayGoOn }: EffectOptions): Promise<Effect> => {
    const bad = badSize(size)
    if (bad !== undefined) return untouched('failed', bad)
    const sight = await guard.look(target, deadlineMs)
    if (sight.is !== 'here') return stoppedAtGuard(sight, rung)
    const { container, group } = sight
    const { memoryBytes } = size

    const before = groups.sample(group)
    if (memoryBytes !== undefined) {
      // Working set and not usage: page cache that nobody needs is given back when the limit falls.
      const usage = before?.memoryWorkingSetBytes ?? before?.memoryCurrentBytes
      if (usage === undefined) return untouched('failed', 'missing_data')
      const least = leastMemory(usage)
      if (memoryBytes < least) {
        return untouched(
          'failed',
          `below_usage: ${memoryBytes} bytes asked for, ${usage} bytes in use, at least ${Math.ceil(least)} needed`,
        )
      }
    }
    const wasFrozen = before?.frozen
    const unlike = differences(size, container, before)
    if (unlike.length === 0) return untouched('noop')
    if (isTooLate(clock, deadlineMs)) return untouched('failed', TOO_LATE)
    if (!mayGoOn()) return untouched('halted')

    const limits = limitsFor(size, container)
    const within = timeForPost(clock, deadlineMs, LONGEST_UPDATE_MS)
    const posted = await postOnce(() => actions.update(container.id, limits, within))
    if (posted.was === 'gone') return { outcome: 'gone', rung, touched: false }

    const verifyUntilMs = Math.min(deadlineMs, clock.monotonic() + VERIFY_MS)
    let open: readonly string[] | 'gone' | 'unknown' = 'unknown'
    await until(clock, verifyUntilMs, VERIFY_POLL_MS, async () => {
      const after = await guard.find(target, deadlineMs)
      if (after.is === 'here') open = differences(size, after.container, groups.sample(group))
      else open = after.is
      // A refusal is final: one look says what stands.
      const isOver = open.length === 0 || open === 'gone' || posted.was === 'refused'
      return isOver ? true : undefined
    })
    const difference = open as readonly string[] | 'gone' | 'unknown'
    const said = 'detail' in posted ? posted.detail : undefined
    if (difference === 'gone') return { outcome: 'gone', rung, touched: true }
    if (difference === 'unknown') {
      return { outcome: 'failed', rung, touched: true, detail: said ?? 'the new limits could not be read' }
    }
    if (difference.length > 0) {
      const detail = [...(said === undefined ? [] : [said]), ...difference].join('; ')
      if (posted.was === 'refused') {
        // Engines take a half-done update back; whether this one did is seen in what stands now.
        const touched = difference.join() !== unlike.join()
        return { outcome: 'failed', rung, touched, detail }
      }
      return { outcome: 'partial', rung, touched: true, detail }
    }
    if (wasFrozen === true && groups.frozen(group) === false) {
      return {
        outcome: 'partial',
        rung,
        touched: true,
        detail: 'resized, but it was paused before and runs now',
      }
    }
    return { outcome: 'done', rung, touched: true }
  }
}

function badSize({ memoryBytes, cpus }: Size): string | undefined {
  if (memoryBytes === undefined && cpus === undefined) return 'no size was given'
  if (memoryBytes !== undefined && !Number.isSafeInteger(memoryBytes)) return 'memory must be whole bytes'
  if (memoryBytes !== undefined && memoryBytes < LEAST_MEMORY_BYTES) {
    return `${memoryBytes} bytes asked for, at least ${LEAST_MEMORY_BYTES} are possible`
  }
  if (cpus !== undefined && !(Number.isFinite(cpus) && cpus >= LEAST_CPUS)) {
    return `${cpus} cores asked for, at least ${LEAST_CPUS} are possible`
  }
  return undefined
}

/** What is not as asked, for the engine and, where it can be read, for the kernel. */
function differences(
  { memoryBytes, cpus }: Size,
  container: ContainerNow,
  sample:
    | { readonly memoryLimitBytes: number | undefined; readonly cpuLimitCores: number | undefined }
    | undefined,
): readonly string[] {
  const found: string[] = []
  if (memoryBytes !== undefined) {
    const { memoryLimitBytes: engine } = container
    if (engine !== memoryBytes) found.push(`memory limit is ${engine ?? 'none'} for the engine`)
    const kernel = sample?.memoryLimitBytes
    const isRounded =
      kernel !== undefined && kernel <= memoryBytes && memoryBytes - kernel < LARGEST_PAGE_BYTES
    if (sample !== undefined && !isRounded) found.push(`memory limit is ${kernel ?? 'none'} for the kernel`)
  }
  if (cpus !== undefined) {
    const isNear = (cores: number | undefined) =>
      cores !== undefined && Math.abs(cores - cpus) <= cpus * CPU_TOLERANCE
    const { cpuLimitCores: engine } = container
    if (!isNear(engine)) found.push(`CPU limit is ${engine ?? 'none'} for the engine`)
    const kernel = sample?.cpuLimitCores
    if (kernel !== undefined && !isNear(kernel)) found.push(`CPU limit is ${kernel} for the kernel`)
  }
  return found
}
