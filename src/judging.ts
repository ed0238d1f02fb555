import type { Config } from './config/schema.ts'
import type { JudgeConfig } from './memory/judge.ts'
import type { MemoryActionsConfig } from './memory/wanted.ts'

/** What the judges of memory go by, from the configuration in force. */
export function judgingOf({ memory, sampling }: Config): JudgeConfig {
  const { thresholds, limitRatios, trend, alertCooldown } = memory
  return {
    thresholds,
    limitRatios,
    trend: { warningHorizonMs: trend.warningHorizon },
    alertCooldownMs: alertCooldown,
    intervalMs: sampling.interval,
    nearLimitIntervalMs: sampling.nearLimitInterval,
  }
}

/** What is done about memory, as the room of the memory takes it. */
export function actingOf({ memory }: Config): MemoryActionsConfig {
  const { critical, oomImminent, pauseDeadline, afterPause, resizeFactor, maxMemoryBytes } = memory.actions
  return { critical, oomImminent, pauseDeadlineMs: pauseDeadline, afterPause, resizeFactor, maxMemoryBytes }
}
