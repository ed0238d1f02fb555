import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { temporaryFolder } from '../../support/folder.ts'
import type { AlertRule, RecordingRule } from '../../support/rule-files.ts'

type Rule = AlertRule | RecordingRule

/** Tests of one rule, as many as there are rules to be judged by them. */
export interface Trial {
  readonly of: string
  readonly rules: readonly Rule[]
  /** Entries of `tests` for a rule of this name. */
  readonly testsOf: (name: string) => readonly PromtoolTest[]
}

export interface PromtoolTest {
  readonly input_series: readonly object[]
  readonly promql_expr_test?: readonly object[]
  readonly alert_rule_test?: readonly object[]
}

/** Names are no words of ours, so that rules which look at alerts do not see them. */
const nameOf = (index: number) => `Mutant_${index}_`
const NAME = /Mutant_(\d+)_/

/**
 * Which rules fail their tests. All of them run next to each other on the same series: a start of promtool and the
 * loading of series cost more than an evaluation. A rule that cannot be evaluated ends the test of all, so they go on
 * without it. What has failed one test is spared the others.
 */
export async function failing(promtool: string, trial: Trial): Promise<Map<number, string>> {
  if (trial.rules.some(({ expr }) => /\bALERTS\b/.test(expr))) return await alone(promtool, trial)
  const failed = new Map<number, string>()
  const tests = trial.testsOf(trial.of).length
  for (let test = 0; test < tests; ) {
    const left = trial.rules.flatMap((rule, index) => (failed.has(index) ? [] : [{ rule, index }]))
    if (left.length === 0) return failed
    const output = await outputOf(
      promtool,
      filesOf(left, (name) => trial.testsOf(name).slice(test, test + 1)),
    )
    const broken = causes(output, /^\s*rule: (\S+?), time: .*$/)
    const wrong = causes(output, /^\s*(?:alertname: |expr: ")(.*)$/)
    if (output !== '' && broken.size + wrong.size === 0) throw new Error(output.slice(0, 4_000))
    for (const [index, line] of [...wrong, ...broken]) failed.set(index, line)
    if (broken.size === 0) test++
  }
  return failed
}

/** What looks at alerts would see those of its neighbours. */
async function alone(promtool: string, trial: Trial): Promise<Map<number, string>> {
  const failed = new Map<number, string>()
  for (const [index, rule] of trial.rules.entries()) {
    const tests = trial.testsOf(trial.of)
    const output = await outputOf(promtool, { groups: [{ name: trial.of, rules: [rule] }], together: tests })
    if (output !== '') failed.set(index, output.slice(0, 1_000))
  }
  return failed
}

function causes(output: string, line: RegExp): Map<number, string> {
  const found = new Map<number, string>()
  for (const text of output.split('\n')) {
    const index = NAME.exec(line.exec(text)?.[1] ?? '')?.[1]
    if (index !== undefined && !found.has(Number(index))) found.set(Number(index), text.trim())
  }
  return found
}

interface Files {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
  readonly together: readonly PromtoolTest[]
}

function filesOf(
  left: readonly { readonly rule: Rule; readonly index: number }[],
  testsOf: Trial['testsOf'],
): Files {
  const groups = left.map(({ rule, index }) => {
    const name = nameOf(index)
    return { name, rules: ['alert' in rule ? { ...rule, alert: name } : { ...rule, record: name }] }
  })
  const tests = left.map(({ index }) => testsOf(nameOf(index)))
  const together = tests[0]!.map((test, at) => ({
    ...test,
    promql_expr_test: tests.flatMap((one) => one[at]!.promql_expr_test ?? []),
    alert_rule_test: tests.flatMap((one) => one[at]!.alert_rule_test ?? []),
  }))
  return { groups, together }
}

/** Empty when all is well. */
async function outputOf(promtool: string, { groups, together }: Files): Promise<string> {
  using folder = temporaryFolder()
  const rules = join(folder.path, 'rules.yml')
  const tests = join(folder.path, 'tests.yml')
  writeFileSync(rules, stringify({ groups }, { aliasDuplicateObjects: false }))
  writeFileSync(
    tests,
    stringify(
      { rule_files: [rules], evaluation_interval: '15s', tests: together },
      { aliasDuplicateObjects: false },
    ),
  )
  return await new Promise((resolve, reject) => {
    execFile(promtool, ['test', 'rules', tests], { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (error === null) resolve('')
      else if (typeof error.code === 'number') resolve(`${stdout}${stderr}`)
      else reject(error)
    })
  })
}
