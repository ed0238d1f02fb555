import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { describeWith } from '../../support/services.ts'

const root = join(import.meta.dirname, '../../..')
const RULES = join(root, 'alerts/agents.yml')

interface Rule {
  readonly alert: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const file = parse(readFileSync(RULES, 'utf8')) as { readonly groups: readonly { readonly rules: Rule[] }[] }
const rules = file.groups.flatMap((group) => group.rules)

describe('the rules for what agents do to their host', () => {
  it('say severity, room, what is wrong and what to do about it', () => {
    const runbooks = readFileSync(join(root, 'docs/runbooks.md'), 'utf8')
    expect(rules.map(({ alert }) => alert)).toContain('AgentCpuHigh')
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Agent/)
      expect(labels).toEqual({
        severity: expect.stringMatching(/^(critical|warning|info|none)$/),
        room: 'agents',
      })
      expect(annotations['summary']).toContain('$labels.agent')
      expect(annotations['description']).toContain('$labels.instance')
      expect(annotations['runbook_url']).toBe(`docs/runbooks.md#${alert.toLowerCase()}`)
      expect(runbooks).toContain(`\n## ${alert}\n`)
    }
  })
})

describeWith(
  ['promtool', 'amtool'],
  'the rules for agents, read by their programs',
  ({ promtool, amtool }) => {
    const run = (program: string, ...args: string[]) =>
      execFileSync(program, args, { cwd: root, encoding: 'utf8' })

    it('R58 warn of an agent that keeps more than three cores busy for minutes, and of no other', () => {
      expect(run(promtool, 'check', 'rules', '--lint=all', '--lint-fatal', RULES)).toContain('SUCCESS')
      expect(run(promtool, 'test', 'rules', join(import.meta.dirname, 'agents.promtool.yml'))).toContain(
        'SUCCESS',
      )
    })

    it.each(rules.map(({ alert, labels }) => [alert, labels] as const))(
      'the example of an Alertmanager sends %s to the channel',
      (alert, labels) => {
        const matched = Object.entries({ alertname: alert, agent: 'x', instance: 'a', ...labels })
        const args = matched.map(([name, value]) => `${name}=${value}`)
        const config = '--config.file=alerts/examples/slack.yml'
        expect(run(amtool, 'config', 'routes', 'test', config, ...args).trim()).toBe('slack')
      },
    )
  },
)
