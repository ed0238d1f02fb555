import type { ActionRequest, RefusalReason } from './model.ts'

/** What is known of the memory that a resize is about, at the last sample. Bytes; undefined: not read. */
export interface MemoryFacts {
  readonly usedBytes: number | undefined
  readonly limitBytes: number | undefined
  /** MemAvailable of the host; `not_asked`: nobody here can tell. */
  readonly hostAvailableBytes: number | undefined | 'not_asked'
}

/** Room above what is used now: below it a limit that was meant to help is what kills. */
const ROOM_RATIO = 1.2

/**
 * Whether there is room for a new limit of memory, for what asks by itself; a person may know better, and the driver
 * still refuses what the kernel would. The memory room makes limits larger in small steps up to a cap, and a step that is
 * smaller than wanted is better than none.
 */
export function objectionToSize(
  { action, trigger, size }: ActionRequest,
  { usedBytes, limitBytes, hostAvailableBytes }: MemoryFacts,
): readonly [RefusalReason, string] | undefined {
  const wanted = size?.memoryBytes
  if (action !== 'resize' || trigger === 'human' || wanted === undefined) return undefined
  if (usedBytes === undefined) return ['missing_data', 'how much memory it uses was not read']
  const grows = limitBytes !== undefined && wanted > limitBytes
  const least = Math.ceil(usedBytes * ROOM_RATIO)
  if (wanted < least && !(grows && trigger === 'memory')) {
    return ['below_usage', `${wanted} bytes asked for, ${usedBytes} in use, at least ${least} needed`]
  }
  if (hostAvailableBytes === 'not_asked' || (limitBytes !== undefined && wanted <= limitBytes))
    return undefined
  if (hostAvailableBytes === undefined) {
    return ['missing_data', 'how much memory the host has left could not be read']
  }
  const more = wanted - usedBytes
  if (more <= hostAvailableBytes) return undefined
  return ['host_memory', `it could take ${more} bytes more, and the host has ${hostAvailableBytes} left`]
}
