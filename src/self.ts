import type { ConfigHolder } from './config/holder.ts'
import type { Clock } from './platform/clock.ts'
import { gauge } from './platform/exposition/family.ts'
import { createSelfMetrics, type SelfMetrics } from './platform/exposition/self.ts'
import type { Collector } from './platform/feature.ts'
import { collectStore, storeCollectorFamilies } from './platform/store/families.ts'
import type { StoreStats } from './platform/store/stats.ts'
import { VERSION } from './version.ts'

const reloadSuccessful = gauge('agent_exporter_config_last_reload_successful', {
  help: 'Whether the last load of the configuration succeeded (1) or the one before it is still in force (0).',
})
const reloadTimestamp = gauge('agent_exporter_config_last_reload_timestamp_seconds', {
  unit: 'seconds',
  help: 'When the configuration was last loaded, successfully or not (wall clock).',
})

/** The exporter about itself: process, HTTP, configuration, store. */
export interface Self extends SelfMetrics {
  readonly collector: Collector
}

/** @param storeStats undefined while there is no store (`--once`). */
export function createSelf(
  clock: Clock,
  config: ConfigHolder,
  storeStats: () => StoreStats | undefined,
): Self {
  const metrics = createSelfMetrics({ version: VERSION, revision: 'unknown', clock })
  const { collector } = metrics
  return {
    ...metrics,
    collector: {
      name: collector.name,
      get families() {
        return [...collector.families, reloadSuccessful, reloadTimestamp, ...storeCollectorFamilies]
      },
      refresh: (deadline) => collector.refresh?.(deadline) ?? Promise.resolve(),
      collect(out) {
        const { lastReload } = config
        out.set(reloadSuccessful, {}, lastReload.ok ? 1 : 0)
        out.set(reloadTimestamp, {}, lastReload.at / 1000)
        const stats = storeStats()
        if (stats !== undefined) collectStore(out, stats)
        return collector.collect(out)
      },
    },
  }
}
