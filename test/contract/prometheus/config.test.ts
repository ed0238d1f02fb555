import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { temporaryFolder } from '../../support/folder.ts'
import { describeWith } from '../../support/services.ts'

const root = join(import.meta.dirname, '../../..')
const folder = join(root, 'prometheus')
/** They watch those who tell people, too. */
const whole = ['prometheus.yml', 'compose.yml']
const examples = readdirSync(join(folder, 'examples')).map((name) => join('examples', name))

interface PrometheusConfig {
  readonly scrape_configs: readonly { readonly job_name: string }[]
}

describeWith('promtool', 'shipped Prometheus configuration', ({ promtool }) => {
  // promtool looks for the tokens, which every clone makes itself.
  const clone = temporaryFolder()
  beforeAll(() => {
    for (const part of ['prometheus', 'alerts'])
      cpSync(join(root, part), join(clone.path, part), { recursive: true })
    execFileSync(join(root, 'scripts/stack-secrets'), [join(clone.path, 'secrets')])
  })
  afterAll(() => clone[Symbol.dispose]())

  for (const name of [...whole, ...examples]) {
    it(`${name} is accepted by promtool`, () => {
      // Lint findings are errors here: people copy these files.
      const out = execFileSync(
        promtool,
        ['check', 'config', '--lint=all', '--lint-fatal', join(clone.path, 'prometheus', name)],
        {
          encoding: 'utf8',
        },
      )
      expect(out).toContain('SUCCESS')
    })

    it(`${name} scrapes under the job name that rules and dashboards select`, () => {
      const config = parse(readFileSync(join(folder, name), 'utf8')) as PrometheusConfig
      const watched = whole.includes(name) ? ['prometheus', 'alertmanager'] : []
      expect(config.scrape_configs.map((scrape) => scrape.job_name)).toEqual(['agent-exporter', ...watched])
    })
  }
})
