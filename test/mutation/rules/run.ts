import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { RULE_DEFAULTS, retarget } from '../../../src/rules/parameters.ts'
import { casesOf } from '../../integration/alerts/cases.ts'
import { testsOf } from '../../support/alert-tests.ts'
import { type AlertRule, alertFiles, type RecordingRule, recordingFiles } from '../../support/rule-files.ts'
import { requireService } from '../../support/services.ts'
import { EQUIVALENTS } from './equivalents.ts'
import { alertMutants, type Mutant, recordingMutants } from './mutants.ts'
import { failing, type PromtoolTest, type Trial } from './promtool.ts'

/** Selected by a pattern, so that a join has to keep jobs apart. */
const JOBS = {
  job: ['fleet-a', 'fleet-b'],
  prometheus: ['prom-a', 'prom-b'],
  alertmanager: ['am-a', 'am-b'],
}
const PARAMETERS = {
  ...RULE_DEFAULTS,
  // So that halved ranges are not mended.
  intervalMs: 1_000,
  selector: 'job=~"fleet-."',
  prometheus: 'job=~"prom-."',
  alertmanager: 'job=~"am-."',
}

/** A rule, its mutants, and the tests that all but the rule must fail. */
interface Subject {
  readonly of: string
  readonly room: string
  readonly rule: AlertRule | RecordingRule
  readonly mutants: readonly Mutant[]
  readonly testsOf: Trial['testsOf']
}

const only = process.argv.slice(2)
const subjects = [...alertFiles.flatMap(alertSubjects), ...recordingFiles.flatMap(recordingSubjects)].filter(
  ({ of, room }) => only.length === 0 || only.includes(of) || only.includes(room),
)
const promtool = requireService('promtool')
const began = Date.now()
const complaints: string[] = []
const survivors = new Map<Subject, readonly Mutant[]>()
const queue = [...subjects]
await Promise.all(
  Array.from({ length: Math.min(availableParallelism(), 3) }, async () => {
    for (let subject = queue.shift(); subject !== undefined; subject = queue.shift()) {
      survivors.set(subject, await survivorsOf(subject))
    }
  }),
)
if (only.length === 0) complaints.push(...strangers())
process.exitCode = report()

async function survivorsOf(subject: Subject): Promise<readonly Mutant[]> {
  const rules = [subject.rule, ...subject.mutants.map(({ rule }) => rule)]
  const failed = await failing(promtool, { of: subject.of, rules, testsOf: subject.testsOf })
  if (failed.has(0)) {
    complaints.push(`fails its own tests: ${subject.of} ${failed.get(0)}`)
    return subject.mutants
  }
  return subject.mutants.filter((_, index) => !failed.has(index + 1))
}

function alertSubjects({ room, rules }: (typeof alertFiles)[number]): Subject[] {
  return rules.map((rule) => {
    const one = casesOf[room]?.find(({ alert }) => alert === rule.alert)
    if (one === undefined) throw new Error(`${rule.alert} has no case`)
    return {
      of: rule.alert,
      room,
      rule: elsewhere(rule),
      mutants: alertMutants(elsewhere(rule)).map(asWritten),
      testsOf: (name) => testsOf(one, { room, ...JOBS }).map((test) => renamed(test, rule.alert, name)),
    }
  })
}

function recordingSubjects({ room, rules }: (typeof recordingFiles)[number]): Subject[] {
  const file = join(import.meta.dirname, '../../integration/alerts/recorded.promtool.yml')
  const text = readFileSync(file, 'utf8').replaceAll(RULE_DEFAULTS.selector, `job="${JOBS.job[0]}"`)
  const { tests } = parse(text) as { tests: PromtoolTest[] }
  return rules.map((rule) => ({
    of: rule.record,
    room: `${room}, recorded`,
    rule: elsewhere(rule),
    mutants: recordingMutants(elsewhere(rule)).map(asWritten),
    testsOf: (name) =>
      tests.map(({ promql_expr_test = [], ...test }) => ({
        ...test,
        promql_expr_test: renamed(
          promql_expr_test.filter((one) => (one as { expr: string }).expr.startsWith(rule.record)),
          rule.record,
          name,
        ),
      })),
  }))
}

function elsewhere<Rule extends AlertRule | RecordingRule>(rule: Rule): Rule {
  return { ...rule, expr: retarget(rule.expr, PARAMETERS) }
}

/** Named after what the files say. */
function asWritten<M extends Mutant>(mutant: M): M {
  const name = (['selector', 'prometheus', 'alertmanager'] as const).reduce(
    (text, key) => text.replaceAll(PARAMETERS[key], RULE_DEFAULTS[key]),
    mutant.name,
  )
  return { ...mutant, name }
}

/** Told of another name, but for what its annotations say. */
function renamed<T>(test: T, from: string, to: string): T {
  return JSON.parse(JSON.stringify(test).replaceAll(new RegExp(`(?<![\\w:])${from}(?![\\w:])`, 'g'), to)) as T
}

/** Prints the totals; 1 when there is something to mend. */
function report(): number {
  const all = { mutants: 0, equivalent: 0, survived: 0 }
  for (const room of new Set(subjects.map((subject) => subject.room))) {
    const here = subjects.filter((subject) => subject.room === room)
    const mutants = here.reduce((sum, subject) => sum + subject.mutants.length, 0)
    const left = here.flatMap((subject) => survivors.get(subject) ?? [])
    const survived = left.filter((mutant) => !isListed(mutant))
    const equivalent = left.length - survived.length
    all.mutants += mutants
    all.equivalent += equivalent
    all.survived += survived.length
    complaints.push(...survived.map(({ of, name }) => `survived: ${of} | ${name}`))
    print(
      `${room}: ${mutants} mutants, ${mutants - left.length} killed, ${equivalent} equivalent, ${survived.length} survived`,
    )
  }
  complaints.push(...subjects.flatMap(staleIn))
  for (const complaint of complaints) print(complaint)
  const killed = all.mutants - all.equivalent - all.survived
  const seconds = Math.round((Date.now() - began) / 1_000)
  print(
    `${subjects.length} rules: ${all.mutants} mutants, ${killed} killed, ${all.equivalent} equivalent, ${all.survived} survived (${seconds} s)`,
  )
  return complaints.length === 0 ? 0 : 1
}

function isListed({ of, name }: Mutant): boolean {
  return EQUIVALENTS.some(({ mutants }) => mutants[of]?.includes(name))
}

/** What is said to be equivalent and is not, or is no mutant at all. */
function staleIn(subject: Subject): string[] {
  const left = survivors.get(subject) ?? []
  const listed = EQUIVALENTS.flatMap(({ mutants }) => mutants[subject.of] ?? [])
  return listed
    .filter((name) => !left.some((mutant) => mutant.name === name))
    .map((name) => {
      const isMutant = subject.mutants.some((mutant) => mutant.name === name)
      return `listed, but ${isMutant ? 'killed' : 'no mutant'}: ${subject.of} | ${name}`
    })
}

/** Listed for a rule that is not there. */
function strangers(): string[] {
  const known = new Set(subjects.map(({ of }) => of))
  return EQUIVALENTS.flatMap(({ mutants }) => Object.keys(mutants))
    .filter((of) => !known.has(of))
    .map((of) => `listed, but no rule: ${of}`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
