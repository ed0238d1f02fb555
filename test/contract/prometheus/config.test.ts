import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { describeWith } from '../../support/services.ts'

const folder = join(import.meta.dirname, '../../../prometheus')
const examples = readdirSync(join(folder, 'examples')).map((name) => join('examples', name))

interface PrometheusConfig {
  readonly scrape_configs: readonly { readonly job_name: string }[]
}

describeWith('promtool', 'shipped Prometheus configuration', ({ promtool }) => {
  for (const name of ['prometheus.yml', ...examples]) {
    it(`${name} is accepted by promtool`, () => {
      // Lint findings are errors here: people copy these files.
      const out = execFileSync(
        promtool,
        ['check', 'config', '--lint=all', '--lint-fatal', join(folder, name)],
        {
          encoding: 'utf8',
        },
      )
      expect(out).toContain('SUCCESS')
    })

    it(`${name} scrapes under the job name that rules and dashboards select`, () => {
      const config = parse(readFileSync(join(folder, name), 'utf8')) as PrometheusConfig
      const watched = name === 'prometheus.yml' ? ['prometheus', 'alertmanager'] : []
      expect(config.scrape_configs.map((scrape) => scrape.job_name)).toEqual(['agent-exporter', ...watched])
    })
  }
})
