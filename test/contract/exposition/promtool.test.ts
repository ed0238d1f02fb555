import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { createCatalogue } from '../../../src/platform/exposition/catalogue.ts'
import { createScraper, scrapeFamilies } from '../../../src/platform/exposition/scrape.ts'
import { createSelfMetrics } from '../../../src/platform/exposition/self.ts'
import type { Snapshot } from '../../../src/platform/exposition/snapshot.ts'
import { renderText } from '../../../src/platform/exposition/writer.ts'
import { catalogue, cpu, duration, info, lonely, paused, rss } from '../../support/sample-families.ts'
import { describeWith } from '../../support/services.ts'

const check = (promtool: string, snapshot: Snapshot) => {
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
    input: renderText(snapshot, 'text'),
    encoding: 'utf8',
  })
  return { status, findings: stdout + stderr }
}
const clean = { status: 0, findings: '' }

describeWith('promtool', 'promtool check metrics', ({ promtool }) => {
  test('finds nothing in what we say about ourselves', async () => {
    const self = createSelfMetrics({ version: '1.0.0', revision: 'unknown', clock: systemClock })
    const scraper = createScraper({
      catalogue: createCatalogue([...scrapeFamilies, ...self.collector.families]),
      collectors: [self.collector],
      clock: systemClock,
    })
    const snapshot = await scraper.scrape()
    self.close()
    expect(snapshot.size).toBeGreaterThan(50)
    expect(check(promtool, snapshot)).toEqual(clean)
  })

  test('reads every type, special values and hostile labels', async () => {
    const scraper = createScraper({
      catalogue: createCatalogue([...scrapeFamilies, ...catalogue.families]),
      collectors: [
        {
          name: 'hostile',
          families: catalogue.families,
          collect(out) {
            for (const agent of ['plain', 'a"b', 'a\\', '\n# EOF\n', '\0', '\ud800', 'ü→😀', '', '{}=,']) {
              out.set(info, { agent, name: agent }, 1)
              out.set(rss, { agent }, Number.NaN)
              out.set(cpu, { agent, mode: 'user' }, 0.1 + 0.2)
              out.histogram(duration, { action: agent }, { counts: [1, 0, 0, 1], sum: -1e-300, count: 3 })
            }
            out.set(paused, {}, Infinity)
            out.histogram(lonely, {}, { counts: [0], sum: 0, count: 0 })
          },
        },
      ],
      clock: systemClock,
    })
    expect(check(promtool, await scraper.scrape())).toEqual(clean)
  })
})
