import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { RULE_DEFAULTS, type RuleParameters, withParameters } from '../../../src/rules/parameters.ts'
import type { TestTarget } from '../../support/alert-scenes.ts'
import { testsOf } from '../../support/alert-tests.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { alertFiles, recordingFiles } from '../../support/rule-files.ts'
import { describeWith } from '../../support/services.ts'
import { casesOf } from './cases.ts'

const root = join(import.meta.dirname, '../../..')
interface Place {
  readonly parameters: RuleParameters
  readonly target: Omit<TestTarget, 'room'>
}
const AS_WRITTEN: Place = {
  parameters: RULE_DEFAULTS,
  target: { job: ['agent-exporter'], prometheus: ['prometheus'], alertmanager: ['alertmanager'] },
}
/** Several jobs at once, so that a join has to keep them apart, too. */
const ELSEWHERE: Place = {
  parameters: {
    ...RULE_DEFAULTS,
    selector: 'job=~"fleet-.+"',
    prometheus: 'job=~"prom-.+"',
    alertmanager: 'job=~"am-.+"',
  },
  target: { job: ['fleet-a', 'fleet-b'], prometheus: ['prom-a', 'prom-b'], alertmanager: ['am-a', 'am-b'] },
}

describe('the cases of the rules', () => {
  it.each(alertFiles.map((file) => [file.room, file] as const))(
    '%s: every alert has one',
    (room, { rules }) => {
      const tested = casesOf[room]?.map(({ alert }) => alert)
      expect(tested).toEqual(rules.map(({ alert }) => alert))
    },
  )
})

describeWith('promtool', 'the rules, read by promtool', ({ promtool }) => {
  const run = (...args: string[]) => execFileSync(promtool, args, { cwd: root, encoding: 'utf8' })

  it.each(alertFiles.map((file) => [file.room, file] as const))('alerts of %s are accepted', (room) => {
    expect(run('check', 'rules', '--lint=all', '--lint-fatal', `alerts/${room}.rules.yml`)).toContain(
      'SUCCESS',
    )
  })

  it.each(recordingFiles.map((file) => [file.room, file] as const))(
    'recordings of %s are accepted',
    (room) => {
      expect(run('check', 'rules', '--lint=all', '--lint-fatal', `prometheus/${room}.rules.yml`)).toContain(
        'SUCCESS',
      )
    },
  )

  it('recordings keep targets apart and add up what belongs together', () => {
    const tests = join(import.meta.dirname, 'recorded.promtool.yml')
    expect(answerOf(() => run('test', 'rules', tests))).toContain('SUCCESS')
  })

  const both = [
    ['as written', AS_WRITTEN],
    ['for other jobs', ELSEWHERE],
  ] as const
  describe.each(both)('%s', (_, { parameters, target }) => {
    it.each(alertFiles.map((file) => [file.room, file] as const))(
      'alerts of %s do what their class says',
      (room, file) => {
        using folder = temporaryFolder()
        const rules = join(folder.path, 'rules.yml')
        const tests = join(folder.path, 'tests.yml')
        writeFileSync(rules, withParameters(file.text, parameters))
        writeFileSync(
          tests,
          stringify({
            rule_files: [rules],
            evaluation_interval: '15s',
            tests: (casesOf[room] ?? []).flatMap((one) => testsOf(one, { room, ...target })),
          }),
        )
        expect(answerOf(() => run('test', 'rules', tests))).toContain('SUCCESS')
      },
    )
  })
})

describeWith('amtool', 'the configuration of Alertmanager', ({ amtool }) => {
  const run = (...args: string[]) => execFileSync(amtool, args, { cwd: root, encoding: 'utf8' })

  it('is accepted', () => {
    expect(run('check-config', 'alerts/alertmanager.yml')).toMatch(/SUCCESS[\s\S]*1 templates/)
  })

  const rules = alertFiles.flatMap((file) => file.rules)
  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    'sends %s to those it concerns',
    (alert, rule) => {
      const isOfAgent = rule.annotations['summary']!.includes('$labels.agent')
      const severity = rule.labels['severity']!
      const receivers = [
        ...(isOfAgent ? ['agent-exporter'] : []),
        ...(alert === 'AgentDeadMansSwitch' ? ['dead-man'] : []),
        ...(severity === 'critical' ? ['pagerduty', 'slack', 'email'] : []),
        ...(severity === 'warning' ? ['slack', 'email'] : []),
      ]
      const labels = { alertname: alert, instance: 'a', ...(isOfAgent && { agent: 'x' }), ...rule.labels }
      const args = Object.entries(labels).map(([label, value]) => `${label}=${value}`)
      expect(run('config', 'routes', 'test', '--config.file=alerts/alertmanager.yml', ...args).trim()).toBe(
        receivers.join(','),
      )
    },
  )

  it('tells nobody what is only for information', () => {
    const args = ['alertname=AgentSomething', 'severity=info', 'instance=a']
    expect(run('config', 'routes', 'test', '--config.file=alerts/alertmanager.yml', ...args).trim()).toBe(
      'nobody',
    )
  })
})

/** What promtool says, also when it fails: its differences are the message of the test. */
function answerOf(run: () => string): string {
  try {
    return run()
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return `${stdout ?? ''}\n${stderr ?? String(error)}`
  }
}
