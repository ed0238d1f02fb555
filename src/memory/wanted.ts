import type { RefusalReason } from '../control/model.ts'
import type { Gauge } from './basis.ts'
import type { Level } from './model.ts'

/** Section `memory.actions` of the configuration, decoded. */
export interface MemoryActionsConfig {
  readonly critical: WantedAction | 'none'
  readonly oomImminent: WantedAction | 'none'
  readonly pauseDeadlineMs: number
  readonly afterPause: 'none' | 'terminate'
  readonly resizeFactor: number
  readonly maxMemoryBytes: number | undefined
}

type WantedAction = 'pause' | 'resize' | 'terminate'

/** What is to be done, and the level it is meant for. */
export interface Wanted {
  readonly action: WantedAction
  readonly level: 'critical' | 'oom_imminent'
}

/** Who jumped over `critical` gets what is meant for it where nothing is meant for the worst level. */
export function wantedAt(level: Level, { critical, oomImminent }: MemoryActionsConfig): Wanted | undefined {
  if (level === 'oom_imminent' && oomImminent !== 'none') return { action: oomImminent, level }
  if ((level === 'oom_imminent' || level === 'critical') && critical !== 'none') {
    return { action: critical, level: 'critical' }
  }
  return undefined
}

/** Whether what was read just now is still that bad: a level lasts for a minute after it was left. */
export function isReached(gauge: Gauge | undefined, { level }: Wanted): boolean {
  return gauge !== undefined && gauge.bytes >= gauge.thresholds[level]
}

const MIB = 1_048_576
/** Another page size, and what engines round. */
const SAME_LIMIT_BYTES = MIB

/**
 * The next limit of a container; a text says why there is none. More room helps only where its own limit is what it is
 * about to reach, not that of a heap, of a group above or of the host.
 */
export function nextSize(
  gauge: Gauge,
  ownLimitBytes: number | undefined,
  { resizeFactor, maxMemoryBytes }: Pick<MemoryActionsConfig, 'resizeFactor' | 'maxMemoryBytes'>,
): number | string {
  if (ownLimitBytes === undefined) return 'it has no limit of its own'
  const { basis, limitBytes = Number.POSITIVE_INFINITY } = gauge
  if (basis === 'heap' || Math.abs(limitBytes - ownLimitBytes) > SAME_LIMIT_BYTES) {
    return 'another limit than its own is the nearest'
  }
  if (maxMemoryBytes === undefined) return 'memory.actions.maxMemoryBytes is not set'
  const bytes = Math.min(maxMemoryBytes, Math.ceil((ownLimitBytes * resizeFactor) / MIB) * MIB)
  return bytes > ownLimitBytes ? bytes : 'its limit has reached memory.actions.maxMemoryBytes'
}

/** Asked again in the same life it would be answered the same. All others may be over in a moment. */
const FINAL: ReadonlySet<RefusalReason> = new Set([
  ...(['unknown_agent', 'other_incarnation', 'ended', 'unsupported', 'own_container'] as const),
  ...(['unlabelled_container', 'protected_process', 'other_user', 'terminal', 'rejected'] as const),
  ...(['superseded', 'too_many_attempts'] as const),
])

export function isFinal(refusal: RefusalReason | undefined): boolean {
  return refusal !== undefined && FINAL.has(refusal)
}
