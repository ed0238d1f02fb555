// How often the cause of a death is right, on deaths that really happen.
//
//   npm run bench:deaths [-- --runs=20 --at-once=4 --kernel-log=yes|no --only=text]
//
// Containers with 16 to 64 MB that leak, children killed for memory in containers that live on, V8 at its heap limit,
// segfaults, aborts, signals of operators, `docker kill` and `docker stop`, our own terminates, clean ends and errors:
// as the built daemon answers over HTTP (`npm run build` first). Prints a line per class, the confusion matrix and one
// JSON line; exits 1 below the budget. Needs root and dockerd (scripts/test-services --install).
import { parseArgs } from 'node:util'
import { startDeathDaemon } from '../test/support/death-daemon.ts'
import { type DeathRow, rightOf, runDeaths } from '../test/support/death-matrix.ts'
import { startDockerd } from '../test/support/dockerd.ts'

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    'at-once': { type: 'string', default: '4' },
    'kernel-log': { type: 'string', default: 'yes' },
    only: { type: 'string', default: '' },
  },
})

/** DESIGN, section "Budgets". */
const MACRO_BUDGET = 0.95
const WORST_BUDGET = 0.85
const LIVING_CHILD_BUDGET_MS = 1_000

await using dockerd = await startDockerd()
await using daemon = await startDeathDaemon({
  dockerHost: `unix://${dockerd.socketPath}`,
  ...(flags['kernel-log'] === 'no' ? { kernelLog: 'hidden' as const } : {}),
})
const rows = await runDeaths({
  ...{ daemon, dockerd, runs: Number(flags.runs), atOnce: Number(flags['at-once']) },
  only: (name) => name.includes(flags.only),
  progress: (line) => console.error(line),
})

const share = (value: number) => Math.round(value * 1_000) / 1_000
const macro = rows.reduce((sum, row) => sum + rightOf(row), 0) / rows.length
const worst = rows.toSorted((a, b) => rightOf(a) - rightOf(b))[0]!
const livingMs = rows
  .flatMap(({ deaths }) => deaths.flatMap(({ reportedMs }) => reportedMs ?? []))
  .sort((a, b) => a - b)
const slowestMs = Math.round(livingMs.at(-1) ?? 0)

for (const row of rows) console.log(lineOf(row))
console.log(matrixOf(rows))
console.log(
  JSON.stringify({
    bench: 'deaths',
    node: process.version,
    deaths: rows.reduce((sum, { deaths }) => sum + deaths.length, 0),
    classes: rows.length,
    runs: Number(flags.runs),
    kernelLog: flags['kernel-log'],
    macroAverage: share(macro),
    worstClass: { name: worst.name, right: share(rightOf(worst)) },
    livingChildReportedMs: { p50: Math.round(livingMs[livingMs.length >> 1] ?? 0), max: slowestMs },
    withinBudget: isWithin(),
  }),
)
if (!isWithin()) process.exitCode = 1

function isWithin(): boolean {
  return macro >= MACRO_BUDGET && rightOf(worst) >= WORST_BUDGET && slowestMs <= LIVING_CHILD_BUDGET_MS
}

function lineOf(row: DeathRow): string {
  const sure = { high: 0, medium: 0, low: 0 }
  for (const { confidence } of row.deaths) sure[confidence]++
  const right = `${Math.round(rightOf(row) * row.deaths.length)}/${row.deaths.length}`
  return `${row.name.padEnd(50)} ${row.expected.padEnd(18)} ${right.padStart(7)}   high ${sure.high}, medium ${sure.medium}, low ${sure.low}`
}

/** What it was in rows, what it was called in columns. */
function matrixOf(all: readonly DeathRow[]): string {
  const said = [
    ...new Set(all.flatMap(({ expected, deaths }) => [expected, ...deaths.map(({ judged }) => judged)])),
  ]
  const expected = [...new Set(all.map((row) => row.expected))]
  const cells = expected.map((truth) => {
    const deaths = all.filter((row) => row.expected === truth).flatMap((row) => row.deaths)
    return said.map((name) => deaths.filter(({ judged }) => judged === name).length)
  })
  const width = Math.max(...said.map(({ length }) => length)) + 1
  const head = ['was \\ said'.padEnd(width), ...said.map((name) => name.padStart(width))].join('')
  const body = cells.map((row, at) =>
    [expected[at]!.padEnd(width), ...row.map((n) => String(n || '.').padStart(width))].join(''),
  )
  return ['', head, ...body, ''].join('\n')
}
