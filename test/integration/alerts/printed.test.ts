import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { writeFiles } from '../../../src/platform/write-files.ts'
import { filesOf, oneRuleFile, PARTS } from '../../../src/rules/bundle.ts'
import { RULE_DEFAULTS, type RuleParameters } from '../../../src/rules/parameters.ts'
import { parametersOf } from '../../../src/rules/settings.ts'
import { readShipped } from '../../../src/rules/shipped.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { describeWith } from '../../support/services.ts'

const shipped = readShipped()
const options = { record: 'agent-exporter-rules.json', version: '0.0.0', foreign: 'refuse' } as const

/** What people may set, all of it at once where that is worse. */
const ELSEWHERE: readonly (readonly [name: string, parameters: RuleParameters])[] = [
  ['as written', RULE_DEFAULTS],
  ['every 30 s under another job', parametersOf(['interval=30s', 'selector=job="fleet"'])],
  [
    'every minute, with everything set',
    parametersOf([
      'interval=60s',
      `selector=job=~"fleet-.+|a%b", cluster!='it\\'s "quoted"'`,
      'prometheus=job="prom-eu", cluster="eu"',
      'alertmanager=job=~"am-.*"',
      'runbooks=https://wiki.example.org/100%/agents',
      'dashboards=https://grafana.example.org/$&',
    ]),
  ],
  ['every two minutes', parametersOf(['interval=2m'])],
]

interface RuleText {
  readonly groups: readonly object[]
}

describeWith('promtool', 'rules that are printed or written', ({ promtool }) => {
  const check = (...paths: string[]) =>
    execFileSync(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', ...paths], { encoding: 'utf8' })

  it.each(ELSEWHERE)('%s: each file and all in one are accepted', (_, parameters) => {
    using folder = temporaryFolder()
    const files = filesOf('prometheus', shipped, ['alerts', 'recording'], parameters)
    writeFiles(folder.path, files, options)
    const all = join(folder.path, 'all.rules.yml')
    writeFileSync(all, oneRuleFile(shipped, PARTS, parameters))
    const paths = [...files.keys()].map((path) => join(folder.path, path))
    expect(check(...paths, all).match(/SUCCESS/g)).toHaveLength(paths.length + 1)
  })
})

describeWith('amtool', 'the configuration of Alertmanager that is written', ({ amtool }) => {
  it('is accepted, with its templates', () => {
    using folder = temporaryFolder()
    writeFiles(folder.path, filesOf('prometheus', shipped, ['alertmanager'], RULE_DEFAULTS), options)
    const out = execFileSync(amtool, ['check-config', join(folder.path, 'alertmanager/alertmanager.yml')], {
      encoding: 'utf8',
    })
    expect(out).toMatch(/SUCCESS[\s\S]*1 templates/)
  })
})

describeWith('jsonnet', 'the mixin', ({ jsonnet }) => {
  const built = (folder: string, code: string): unknown =>
    JSON.parse(
      execFileSync(jsonnet, ['-J', folder, '-e', code], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 }),
    )
  const rulesOf = (part: 'alerts' | 'recording', parameters: RuleParameters) =>
    [...filesOf('prometheus', shipped, [part], parameters).values()].flatMap(
      (text) => (parse(text) as RuleText).groups,
    )

  it.each(ELSEWHERE)('%s: is the same rules', (_, parameters) => {
    using folder = temporaryFolder()
    writeFiles(folder.path, filesOf('mixin', shipped, PARTS, parameters), options)
    expect(built(folder.path, "(import 'mixin.libsonnet').prometheusAlerts")).toEqual({
      groups: rulesOf('alerts', parameters),
    })
    expect(built(folder.path, "(import 'mixin.libsonnet').prometheusRules")).toEqual({
      groups: rulesOf('recording', parameters),
    })
  })

  it.each(ELSEWHERE)('%s: is the same when it is set by who vendors it', (_, parameters) => {
    using folder = temporaryFolder()
    writeFiles(folder.path, filesOf('mixin', shipped, PARTS, RULE_DEFAULTS), options)
    const config = JSON.stringify({
      agentExporterSelector: parameters.selector,
      prometheusSelector: parameters.prometheus,
      alertmanagerSelector: parameters.alertmanager,
      agentExporterIntervalSeconds: parameters.intervalMs / 1_000,
      agentExporterRunbooks: parameters.runbooks,
      agentExporterDashboards: parameters.dashboards,
    })
    expect(
      built(folder.path, `((import 'mixin.libsonnet') + { _config+:: ${config} }).prometheusAlerts`),
    ).toEqual({ groups: rulesOf('alerts', parameters) })
  })

  it('joins another mixin without losing its rules', () => {
    using folder = temporaryFolder()
    writeFiles(folder.path, filesOf('mixin', shipped, ['recording'], RULE_DEFAULTS), options)
    const other = "{ prometheusRules+:: { groups+: [{ name: 'other' }] } }"
    const { groups } = built(
      folder.path,
      `(${other} + (import 'mixin.libsonnet')).prometheusRules`,
    ) as RuleText
    expect(groups).toEqual([{ name: 'other' }, ...rulesOf('recording', RULE_DEFAULTS)])
  })
})
