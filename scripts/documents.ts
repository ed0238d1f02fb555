import { createConfigHolder } from '../src/config/holder.ts'
import { configJsonSchema } from '../src/config/json-schema.ts'
import { parseConfig } from '../src/config/load.ts'
import { systemClock } from '../src/platform/clock.ts'
import { renderMetricsPage } from '../src/platform/exposition/metrics-page.ts'
import { silentLog } from '../src/platform/log.ts'
import { apiDocument, metricsGroups } from '../src/reference.ts'
import type { Settings } from '../src/settings.ts'
import { renderCatalogue } from './catalogue.ts'

const defaults = { config: parseConfig('defaults', '', {}), file: undefined }
/** The daemon without a configuration file, for reading its declarations; never started. */
export const referenceSettings: Settings = {
  config: createConfigHolder(defaults, () => defaults, systemClock.now),
  clock: systemClock,
  log: silentLog,
  dataDir: '/nowhere',
  listenAddresses: [],
  webConfigFile: undefined,
  maxRequests: 1,
  procRoot: '/proc',
  cgroupRoot: '/sys/fs/cgroup',
  processReader: 'auto',
  disabledCollectors: [],
}

/** The text of every generated document by its path in the repository. */
export async function generatedDocuments(): Promise<Readonly<Record<string, string>>> {
  const groups = await metricsGroups(referenceSettings)
  return {
    'docs/metrics.md': renderMetricsPage(groups),
    'docs/config.schema.json': json(configJsonSchema()),
    'docs/openapi.json': json(await apiDocument(referenceSettings)),
    'dashboards/src/catalogue.ts': renderCatalogue(groups.flatMap(({ families }) => families)),
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
