import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { interpolateVariables } from '../../../dashboards/model/interpolate.ts'
import { interpolateTimes, intervalsOf } from '../../../dashboards/model/intervals.ts'
import { shippedBoards, targetsOf } from '../../support/boards/boards.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { describeWith } from '../../support/services.ts'

const HOUR_MS = 3_600_000
const usage = shippedBoards().find(({ uid }) => uid === 'agent-exporter-usage')!

/** The query of "Spent" as Prometheus gets it, over the last hour, everything chosen. */
function spent(): string {
  const { expr } = targetsOf(usage).find(({ panel }) => panel.title === 'Spent')!
  const choices = Object.fromEntries(
    usage.templating.list!.map(({ name }) => [name, { chosen: '$__all', options: [] }]),
  )
  const times = intervalsOf({ rangeMs: HOUR_MS, points: 800, scrapeMs: 60_000 })
  return interpolateTimes(interpolateVariables(expr, usage.templating.list!, choices), times)
}

const LABELS = 'job="agent-exporter", instance="one:10780"'
const COST = `agent_llm_cost_usd_total{${LABELS}, agent="a", provider="p", model="m"}`
const UP = `agent_exporter_build_info{${LABELS}, version="1"}`

/** Two hours of a sample a minute; the question is asked at their end, about the second hour. */
const CASES: readonly (readonly [name: string, cost: string, exporter: string, spent: number | undefined])[] =
  [
    ['what a series is born with counts', '_x80 3x10 5x29', '1x120', 5],
    ['what it is born with counts at once, after a single scrape', '_x120 3', '1x120', 3],
    ['an agent that has ended still counts', '_x70 4x10 _x39', '1x120', 4],
    ['of a series that was there only the increase counts', '100x90 102x29', '1x120', 2],
    // A daemon that starts again knows what it counted.
    ['a restart of the exporter within the hour adds nothing', '100x80 _x3 100x35', '1x80 _x3 1x35', 0],
    ['a restart when the hour began adds nothing', '100x57 _x6 100x55', '1x57 _x6 1x55', 0],
    [
      'a long pause of the exporter when the hour began adds nothing',
      '100x40 _x30 100x49',
      '1x40 _x30 1x49',
      0,
    ],
    ['an exporter that is seen for the first time adds nothing', '_x80 100x39', '_x80 1x39', 0],
    ['a collector that failed once when the hour began adds nothing', '100x58 _x2 100x58', '1x120', 0],
    [
      'an agent begun anew under its id counts from its first samples on',
      '_x70 3x5 7x5 2x5 6x33',
      '1x120',
      10,
    ],
    ['of nothing there is nothing', '_x120', '1x120', undefined],
  ]

describeWith('promtool', 'what is spent within an hour', ({ promtool }) => {
  it.each(CASES)('%s', (_, cost, exporter, expected) => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'births.yml')
    const samples = expected === undefined ? [] : [{ labels: '{}', value: expected }]
    const test = {
      interval: '1m',
      input_series: [
        { series: COST, values: cost },
        { series: UP, values: exporter },
      ],
      // Rounded: Prometheus extends an increase to the edges of the window.
      promql_expr_test: [{ expr: `round(${spent()})`, eval_time: '2h', exp_samples: samples }],
    }
    writeFileSync(file, stringify({ evaluation_interval: '1m', tests: [test] }))
    expect(answerOf(promtool, file)).toContain('SUCCESS')
  })
})

function answerOf(promtool: string, file: string): string {
  try {
    return execFileSync(promtool, ['test', 'rules', file], { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return `${stdout}${stderr}`
  }
}
