import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createCatalogue } from '../../../../src/platform/exposition/catalogue.ts'
import {
  createScraper,
  type ScrapeRequest,
  type Scraper,
  type ScraperOptions,
  scrapeFamilies,
} from '../../../../src/platform/exposition/scrape.ts'
import type { Slices } from '../../../../src/platform/exposition/slices.ts'
import type { Snapshot } from '../../../../src/platform/exposition/snapshot.ts'
import { renderText } from '../../../../src/platform/exposition/writer.ts'
import type { Collector } from '../../../../src/platform/feature.ts'
import { Problem } from '../../../../src/platform/problem.ts'
import { parseExposition } from '../../../support/exposition-parser.ts'
import { type FakeClock, fakeClock } from '../../../support/fake-clock.ts'
import { cpu, info, paused, rss } from '../../../support/sample-families.ts'

const catalogue = createCatalogue([...scrapeFamilies, info, rss, cpu, paused])

/** Runs everything at once: these tests are about time of the clock, not of the loop. */
const slices: Slices = {
  turn: async () => {},
  drive: async (work, onStep = () => {}) => {
    for (;;) {
      const step = work.next()
      if (step.done === true) return step.value
      onStep(step.value)
    }
  },
}

let clock: FakeClock
let errors: [string, string][]
beforeEach(() => {
  clock = fakeClock()
  errors = []
})

const collector = (name: string, parts: Partial<Collector> = {}): Collector => ({
  name,
  families: [],
  collect: (out) => out.set(rss, { agent: name }, 1),
  ...parts,
})

const scraperOf = (collectors: readonly Collector[], options: Partial<ScraperOptions> = {}): Scraper =>
  createScraper({
    catalogue,
    collectors,
    clock,
    slices,
    onError: (name, error) => errors.push([name, (error as Error).message]),
    ...options,
  })

const valuesOf = (snapshot: Snapshot) => {
  const values = new Map(parseExposition(renderText(snapshot, 'text'), 'text').values)
  return Object.fromEntries([...values].filter(([key]) => !key.startsWith('agent_scrape_collector_duration')))
}
const valuesOfScrape = async (scraper: Scraper, request?: ScrapeRequest) =>
  valuesOf(await scraper.scrape(request))
const settle = () => new Promise((resolve) => setImmediate(resolve))
const success = (name: string) => `agent_scrape_collector_success{collector="${name}"}`
const memory = (agent: string) => `agent_memory_rss_bytes{agent="${agent}"}`

/** A refresh that is finished by hand. */
function gate() {
  let open: () => void = () => {}
  let fail: (error: Error) => void = () => {}
  const refresh = vi.fn(
    (_deadline: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        open = resolve
        fail = reject
      }),
  )
  return { refresh, open: () => open(), fail: (message: string) => fail(new Error(message)) }
}

describe('a collector that goes wrong costs its own families only', () => {
  test('one that cannot reach all it should keeps what it has and says so', async () => {
    expect(await valuesOfScrape(scraperOf([collector('bad', { fault: () => 'engine silent' })]))).toEqual({
      [success('bad')]: 0,
      [memory('bad')]: 1,
    })
    expect(errors).toEqual([['bad', 'engine silent']])
  })

  const broken: [string, Partial<Collector>, string][] = [
    ['rejects', { refresh: () => Promise.reject(new Error('no socket')) }, 'no socket'],
    [
      'throws in refresh',
      {
        refresh: () => {
          throw new Error('no file')
        },
      },
      'no file',
    ],
    [
      'throws in collect',
      {
        collect: () => {
          throw new Error('no number')
        },
      },
      'no number',
    ],
    [
      'throws midway',
      {
        *collect(out) {
          out.set(cpu, { agent: 'half', mode: 'user' }, 1)
          yield
          throw new Error('half way')
        },
      },
      'half way',
    ],
    [
      'writes an undeclared family',
      { collect: (out) => out.set({ ...paused, name: 'agent_stray' }, {}, 1) },
      'agent_stray is not in the metric catalogue',
    ],
  ]
  test.each(broken)('one that %s', async (_, parts, message) => {
    expect(await valuesOfScrape(scraperOf([collector('good'), collector('bad', parts)]))).toEqual({
      [success('good')]: 1,
      [success('bad')]: 0,
      [memory('good')]: 1,
    })
    expect(errors).toEqual([['bad', message]])
  })

  test('one that hangs is cut at the deadline and told so', async () => {
    const hung = gate()
    const scrape = scraperOf([collector('good'), collector('hung', hung)]).scrape({ timeoutMs: 4500 })
    await settle()
    clock.advance(4499)
    expect(hung.refresh.mock.calls[0]?.[0].aborted).toBe(false)
    clock.advance(1)
    expect(hung.refresh.mock.calls[0]?.[0].aborted).toBe(true)
    const snapshot = await scrape
    expect(valuesOf(snapshot)).toEqual({ [success('good')]: 1, [success('hung')]: 0, [memory('good')]: 1 })
    const durations = snapshot.families.find(({ family }) => family.name.endsWith('duration_seconds'))
    expect(durations?.values).toEqual([0, 4.5])
    expect(errors).toEqual([['hung', 'not finished within 4500 ms']])
  })

  test('one that still hangs is not started again and not waited for; once it settles it works again', async () => {
    const hung = gate()
    const scraper = scraperOf([collector('hung', hung)])
    const first = scraper.scrape({ timeoutMs: 1000 })
    await settle()
    clock.advance(1000)
    await first
    clock.advance(5000)
    expect(await valuesOfScrape(scraper)).toEqual({ [success('hung')]: 0 })
    expect(hung.refresh).toHaveBeenCalledTimes(1)

    hung.fail('late and broken')
    await settle()
    clock.advance(1000)
    const again = scraper.scrape()
    await settle()
    hung.open()
    expect(valuesOf(await again)).toEqual({ [success('hung')]: 1, [memory('hung')]: 1 })
    expect(hung.refresh).toHaveBeenCalledTimes(2)
    expect(errors).toHaveLength(1)
  })

  test('one whose writing passes the deadline is stopped and may start again', async () => {
    let slow = true
    const stopped = vi.fn()
    const writer = collector('writer', {
      refresh: async () => {},
      *collect(out) {
        try {
          out.set(rss, { agent: 'x' }, 1)
          if (slow) clock.advance(2000)
          yield
        } finally {
          stopped()
        }
      },
    })
    const driven: Slices = { ...slices, drive: (work, onStep) => slices.drive(work, onStep) }
    const scraper = scraperOf([writer], { slices: driven })
    expect(await valuesOfScrape(scraper, { timeoutMs: 1000 })).toEqual({ [success('writer')]: 0 })
    slow = false
    clock.advance(1000)
    expect(await valuesOfScrape(scraper)).toEqual({ [success('writer')]: 1, [memory('x')]: 1 })
  })
})

describe('scrapes at the same time', () => {
  test('share one collection', async () => {
    const source = gate()
    const scraper = scraperOf([collector('a', source)])
    const both = Promise.all([scraper.scrape(), scraper.scrape()])
    await settle()
    source.open()
    const [one, two] = await both
    expect(valuesOf(one)).toEqual(valuesOf(two))
    expect(source.refresh).toHaveBeenCalledTimes(1)
  })

  test('share the collections of an earlier one all or none, however slowly they are asked for', async () => {
    let [ms, asked] = [0, 0]
    const collected = { first: 0, second: 0 }
    const counting = (name: 'first' | 'second') => collector(name, { collect: () => void collected[name]++ })
    const moving = { ...clock, monotonic: () => (ms += (asked++ * 7) % 11) }
    const scraper = scraperOf([counting('first'), counting('second')], { clock: moving })
    for (let scrapes = 0; scrapes < 2_000; scrapes++) {
      await scraper.scrape()
      expect(collected.second).toBe(collected.first)
    }
    expect(collected.first).toBeGreaterThan(1)
  })

  test('share it even when one asks for a part', async () => {
    const refresh = { a: vi.fn(async () => {}), b: vi.fn(async () => {}) }
    const scraper = scraperOf([
      collector('a', { refresh: refresh.a }),
      collector('b', { refresh: refresh.b }),
    ])
    await Promise.all([
      scraper.scrape(),
      scraper.scrape({ collect: ['a'] }),
      scraper.scrape({ exclude: ['a'] }),
    ])
    expect(refresh.a).toHaveBeenCalledTimes(1)
    expect(refresh.b).toHaveBeenCalledTimes(1)
  })

  test('keep their own deadlines', async () => {
    const source = gate()
    const scraper = scraperOf([collector('a', source)])
    const patient = scraper.scrape({ timeoutMs: 10_000 })
    await settle()
    const hasty = scraper.scrape({ timeoutMs: 500 })
    await settle()
    clock.advance(500)
    expect(valuesOf(await hasty)).toEqual({ [success('a')]: 0 })
    source.open()
    expect(valuesOf(await patient)).toEqual({ [success('a')]: 1, [memory('a')]: 1 })
  })

  test.each([
    [999, 1],
    [1000, 2],
  ])('a collection that began %d ms ago: %d refresh(es)', async (ms, calls) => {
    const refresh = vi.fn(async () => {})
    const scraper = scraperOf([collector('a', { refresh })])
    await scraper.scrape()
    clock.advance(ms)
    clock.jumpWall(-3_600_000)
    await scraper.scrape()
    expect(refresh).toHaveBeenCalledTimes(calls)
  })
})

describe('collect[] and exclude[]', () => {
  const scraper = () => scraperOf([collector('a'), collector('b'), collector('c')])

  test.each<[string, ScrapeRequest, string[]]>([
    ['nothing', {}, ['a', 'b', 'c']],
    ['empty lists', { collect: [], exclude: [] }, ['a', 'b', 'c']],
    ['collect', { collect: ['c', 'a', 'c'] }, ['a', 'c']],
    ['exclude', { exclude: ['b'] }, ['a', 'c']],
    ['exclude everything', { exclude: ['a', 'b', 'c'] }, []],
  ])('%s', async (_, request, names) => {
    const values = await valuesOfScrape(scraper(), request)
    expect(Object.keys(values)).toEqual([...names.map(success), ...names.map(memory)])
  })

  test.each<[string, ScrapeRequest]>([
    ['both', { collect: ['a'], exclude: ['b'] }],
    ['an unknown name', { collect: ['a', 'x<script>'] }],
    ['an unknown exclusion', { exclude: ['docker'] }],
    ['an empty name', { collect: [''] }],
  ])('%s is AE_BAD_COLLECTOR', async (_, request) => {
    const problem = await scraper()
      .scrape(request)
      .catch((error: unknown) => error)
    expect(problem).toBeInstanceOf(Problem)
    expect((problem as Problem).code).toBe('AE_BAD_COLLECTOR')
    expect((problem as Problem).message).not.toContain('script')
  })

  test('the refusal lists what is enabled and points at the wrong name', async () => {
    await expect(scraper().scrape({ collect: ['a', 'x'] })).rejects.toMatchObject({
      message: 'The enabled collectors are: a, b, c.',
      errors: [{ path: '/collect[]/1' }],
    })
  })

  test('two collectors of one name are refused at start', () => {
    expect(() => scraperOf([collector('a'), collector('a')])).toThrow('same name')
  })
})

test('the cap leaves out the newest agents and reports how many sample lines', async () => {
  const onDropped = vi.fn()
  const many = collector('many', {
    *collect(out) {
      for (let i = 0; i < 10; i++) {
        out.set(info, { agent: `${i}`, name: 'x' }, 1)
        out.set(rss, { agent: `${i}` }, i)
        yield
      }
    },
  })
  const scraper = scraperOf([many], { maxSeries: () => 9, newestFirst: Number, onDropped })
  expect(Object.keys(await valuesOfScrape(scraper)).filter((key) => key.startsWith('agent_memory'))).toEqual(
    ['0', '1', '2'].map(memory),
  )
  expect(onDropped).toHaveBeenCalledExactlyOnceWith(14)
})

test('refused samples are reported, also those that two collectors wrote', async () => {
  const onRefused = vi.fn()
  const a = collector('a', {
    collect(out) {
      out.set(rss, { agent: 'same' }, 1)
      out.set(cpu, { agent: 'a', mode: 'user' }, Number.NaN)
    },
  })
  const b = collector('b', { collect: (out) => out.set(rss, { agent: 'same' }, 2) })
  expect(await valuesOfScrape(scraperOf([a, b], { onRefused }))).toMatchObject({ [memory('same')]: 1 })
  expect(onRefused.mock.calls).toEqual([
    ['duplicate', 1],
    ['not_a_counter', 1],
  ])
})

test('a scraper without collectors prints nothing', async () => {
  expect(renderText(await scraperOf([]).scrape(), 'text')).toBe('')
})
