import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startAlertmanager } from '../../support/alertmanager.ts'
import { eventually } from '../../support/child.ts'
import { startPrometheus } from '../../support/prometheus.ts'
import { parsePromql, selectorsIn } from '../../support/promql.ts'
import { alertFiles } from '../../support/rule-files.ts'
import { describeWith } from '../../support/services.ts'

const alerting = alertFiles.find(({ room }) => room === 'alerting')!
const foreign = alerting.rules
  .flatMap(({ expr }) => selectorsIn(parsePromql(expr)))
  .map(({ metric }) => metric)
  .filter((metric) => metric !== 'ALERTS')

const familiesOf = (page: string) => [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)

describeWith(['prometheus', 'prometheus-alertmanager'], 'what the rules for alerting read', () => {
  it('is exposed by Prometheus and Alertmanager', async () => {
    await using alertmanager = await startAlertmanager({
      route: { receiver: 'none' },
      receivers: [{ name: 'none' }],
    })
    await using prometheus = await startPrometheus([{ job: 'alertmanager', target: alertmanager.address }], {
      rule_files: [join(import.meta.dirname, '../../../alerts/alerting.rules.yml')],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.address] }] }] },
    })
    const read = async (url: string) => familiesOf(await (await fetch(`${url}/metrics`)).text())
    const missing = await eventually('all are there', async () => {
      const seen = [...(await read(`http://${alertmanager.address}`)), ...(await read(prometheus.url))]
      const left = foreign.filter((metric) => !seen.includes(metric))
      return left.length === 0 ? left : undefined
    })
    expect(missing).toEqual([])
  })
})
