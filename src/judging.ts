import type { Config } from './config/schema.ts'
import type { JudgeConfig } from './memory/judge.ts'

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
