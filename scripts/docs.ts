// Writes the generated documents, or with --check fails when one is out of date.
//
//   npm run docs
//   npm run docs -- --check
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { metricsGroups } from '../src/app.ts'
import { createConfigHolder } from '../src/config/holder.ts'
import { configJsonSchema } from '../src/config/json-schema.ts'
import { parseConfig } from '../src/config/load.ts'
import { systemClock } from '../src/platform/clock.ts'
import { renderMetricsPage } from '../src/platform/exposition/metrics-page.ts'
import { silentLog } from '../src/platform/log.ts'

const defaults = { config: parseConfig('defaults', '', {}), file: undefined }
const settings = {
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
} as const

const documents: Record<string, string> = {
  'docs/metrics.md': renderMetricsPage(metricsGroups(settings)),
  'docs/config.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
}

const check = process.argv.includes('--check')
for (const [name, text] of Object.entries(documents)) {
  const path = join(import.meta.dirname, '..', name)
  if (!check) {
    writeFileSync(path, text)
    continue
  }
  let written: string | undefined
  try {
    written = readFileSync(path, 'utf8')
  } catch {
    written = undefined
  }
  if (written !== text) {
    console.error(`${name} is out of date: run npm run docs`)
    process.exitCode = 1
  }
}
