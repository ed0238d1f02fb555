// How well a leak is told from everything that only looks like one, on series the rule was not made with.
//
//   npm run bench:trend [-- --split=hold-out|tune --leaks=200 --days=30 --only=drift --published]
//
// `--published` adds the rule that this one is an improvement of (it takes as long again). `--leaks` series per leaking cell (twice as many where the budget is judged), `--days` agent-days per quiet cell. Beside it, on the same series, the rule of the
// system that this one replaces: newest minus oldest of six samples. Intervals are 95 % (Wilson, exact Poisson, order
// statistics). Exits 1 when a bound of the judged cells misses the budget of DESIGN's memory row.
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { poissonUpper, quantileWithLower, wilson } from './trend/bounds.ts'
import { LEAK_CELLS, type LeakCell, leakTrace, QUIET_CELLS, quietTrace, type Split } from './trend/corpus.ts'
import { measureCost } from './trend/cost.ts'
import { watch, watchBlockFloors, watchEndpoints } from './trend/watch.ts'

const { values: flags } = parseArgs({
  options: {
    split: { type: 'string', default: 'hold-out' },
    leaks: { type: 'string', default: '200' },
    days: { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
    published: { type: 'boolean', default: false },
  },
})
const split = flags.split as Split
const LEAKS = Number(flags.leaks)
const DAYS = Number(flags.days)
/** A bound of 97 % leaves one miss in 200 and five in 400: one odd leak should not decide. */
const JUDGED_FACTOR = 2

/** The budgets. */
const LEAST_WARNED = 0.97
const LEAST_LEAD_MIN = 10
const MOST_FALSE_PER_DAY = 0.1

const PUBLISHED = flags.published ? ['published rule', 'after P50 min'] : []

const began = performance.now()
const failures: string[] = []
let looks = 0

const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const minutes = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(1))
const median = (values: readonly number[]) => quantileWithLower(values, 0.5)[0]
function row(...cells: readonly (string | number)[]): void {
  const [name = '', ...rest] = cells
  console.log(String(name).padEnd(34) + rest.map((cell) => String(cell).padStart(16)).join(''))
}

console.log(
  `trend, ${split}: ${LEAKS} leaks (${LEAKS * JUDGED_FACTOR} where judged) and ${DAYS} agent-days per cell, ${cpus()[0]?.model}, Node ${process.version}\n`,
)

interface Tally {
  episodes: number
  endpointEpisodes: number
  days: number
}

function quietCells(): Tally {
  const total: Tally = { episodes: 0, endpointEpisodes: 0, days: 0 }
  row(
    'agents that do not leak',
    'false a day',
    'at most (95 %)',
    'warnings a day',
    'six samples',
    ...PUBLISHED.slice(0, 1),
  )
  for (const cell of QUIET_CELLS.filter(({ name }) => name.includes(flags.only))) {
    let episodes = 0
    let endpointEpisodes = 0
    let publishedEpisodes = 0
    let warnings = 0
    for (let run = 0; run < DAYS; run++) {
      const trace = quietTrace(cell, split, run)
      const watched = watch(trace)
      episodes += watched.episodes.length
      warnings += watched.warnings
      looks += watched.looks
      endpointEpisodes += watchEndpoints(trace).episodes
      if (flags.published) publishedEpisodes += watchBlockFloors(trace).episodes
    }
    const mark = cell.counted === 'counted' ? '' : ' (not counted)'
    row(
      ...[cell.name + mark, (episodes / DAYS).toFixed(3), (poissonUpper(episodes) / DAYS).toFixed(3)],
      ...[(warnings / DAYS).toFixed(3), (endpointEpisodes / DAYS).toFixed(0)],
      ...(flags.published ? [(publishedEpisodes / DAYS).toFixed(3)] : []),
    )
    if (cell.counted !== 'counted') continue
    total.episodes += episodes
    total.endpointEpisodes += endpointEpisodes
    total.days += DAYS
  }
  return total
}

function leakCells(): number {
  let detected = 0
  const head = [
    'warned',
    'at least (95 %)',
    'detected',
    'after P50 min',
    'lead P10 min',
    'at least',
    'lead P50',
    'six samples +',
  ]
  row('\nagents that leak', ...head, ...PUBLISHED)
  for (const cell of LEAK_CELLS.filter(({ name }) => name.includes(flags.only))) detected += leakCell(cell)
  return detected
}

function leakCell(cell: LeakCell): number {
  const leads: number[] = []
  const delays: number[] = []
  const published: number[] = []
  let endpoints = 0
  const isJudged = cell.judged === 'judged'
  const runs = isJudged ? LEAKS * JUDGED_FACTOR : LEAKS
  for (let run = 0; run < runs; run++) {
    const trace = leakTrace(cell, split, run)
    const { leak } = trace
    if (leak === undefined) continue
    const watched = watch(trace)
    looks += watched.looks
    if (watched.detectedS !== undefined) delays.push((watched.detectedS - leak.fromS) / 60)
    if (watched.warnedS !== undefined) leads.push((leak.limitReachedS - watched.warnedS) / 60)
    const { detectedS } = flags.published ? watchBlockFloors(trace) : { detectedS: undefined }
    if (detectedS !== undefined) published.push((detectedS - leak.fromS) / 60)
    endpoints += watchEndpoints(trace).growingShare
  }
  const [warnedLow] = wilson(leads.length, runs)
  const [p10, p10Low] = quantileWithLower(leads, 0.1)
  row(
    ...[cell.name + (isJudged ? ' *' : ''), percent(leads.length / runs), percent(warnedLow)],
    ...[percent(delays.length / runs), minutes(median(delays)), minutes(p10), minutes(p10Low)],
    ...[minutes(median(leads)), percent(endpoints / runs)],
    ...(flags.published ? [percent(published.length / runs), minutes(median(published))] : []),
  )
  if (isJudged && warnedLow < LEAST_WARNED) failures.push(`${cell.name}: warned ${percent(warnedLow)}`)
  if (isJudged && !(p10Low >= LEAST_LEAD_MIN)) failures.push(`${cell.name}: lead P10 ${minutes(p10Low)} min`)
  return delays.length
}

// First, while nothing else is on the heap.
const { microsecondsPerSample, bytesPerAgent } = measureCost(quietTrace(QUIET_CELLS[4]!, split, 0, 4 * 3_600))
const quiet = quietCells()
const perDay = quiet.episodes / quiet.days
const perDayUpper = poissonUpper(quiet.episodes) / quiet.days
if (!(perDayUpper <= MOST_FALSE_PER_DAY))
  failures.push(`false episodes: up to ${perDayUpper.toFixed(3)} a day`)
const detected = leakCells()

const precision = detected / (detected + quiet.episodes)
console.log(`
false episodes: ${quiet.episodes} in ${quiet.days} agent-days = ${perDay.toFixed(3)} a day, at most ${perDayUpper.toFixed(3)} (95 %); six samples: ${(quiet.endpointEpisodes / quiet.days).toFixed(0)} a day
precision over all of the above (leaks detected of leaks detected and false episodes): ${percent(precision)}
+ share of the time after the beginning of the leak in which the rule of six samples says that it grows
* judged: warned >= ${percent(LEAST_WARNED)}, lead P10 >= ${LEAST_LEAD_MIN} min, false episodes <= ${MOST_FALSE_PER_DAY} a day, by the bound
all that is judged of an agent (level, trend, alerts, pace), a sample a second: ${microsecondsPerSample.toFixed(1)} us CPU per sample, ${(bytesPerAgent / 1_024).toFixed(1)} KiB kept
${looks} looks, ${((performance.now() - began) / 1_000).toFixed(0)} s with making the series
${failures.length === 0 ? 'all met' : `MISSED: ${failures.join('; ')}`}`)
process.exitCode = failures.length === 0 ? 0 : 1
