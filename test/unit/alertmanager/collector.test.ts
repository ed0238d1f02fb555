import { describe, expect, it } from 'vitest'
import { type AlertTallies, createAlertTallies } from '../../../src/alertmanager/collector.ts'
import { NOTIFICATION_OUTCOMES } from '../../../src/alertmanager/families.ts'
import { ALERT_OUTCOMES } from '../../../src/alertmanager/verdict.ts'
import { createCatalogue } from '../../../src/platform/exposition/catalogue.ts'
import { mergeParts } from '../../../src/platform/exposition/merge.ts'
import { createPart } from '../../../src/platform/exposition/snapshot.ts'
import { renderText } from '../../../src/platform/exposition/writer.ts'
import { parseExposition } from '../../support/exposition-parser.ts'
import { run } from '../../support/sample-families.ts'

function valuesOf({ collector }: AlertTallies): ReadonlyMap<string, number> {
  const catalogue = createCatalogue(collector.families)
  const part = createPart(catalogue)
  for (const _ of collector.collect(part) ?? []);
  const { snapshot } = run(mergeParts(catalogue, [part.finish()]))
  return parseExposition(renderText(snapshot, 'text'), 'text').values
}

describe('the collector alerts', () => {
  it('has every outcome from the start', () => {
    const values = valuesOf(createAlertTallies(() => ({ firing: 0, unknown: 0 })))
    expect(values.size).toBe(NOTIFICATION_OUTCOMES.length + ALERT_OUTCOMES.length + 2)
    expect([...values.values()].every((value) => value === 0)).toBe(true)
  })

  it('counts what came and shows what is', () => {
    const tallies = createAlertTallies(() => ({ firing: 3, unknown: 1 }))
    tallies.notification('accepted')
    tallies.notification('accepted')
    tallies.notification('too_large')
    tallies.alerts({ asked: 2, repeated: 48 })
    tallies.alerts({ repeated: 50 })
    const values = valuesOf(tallies)
    expect(Object.fromEntries([...values].filter(([, value]) => value !== 0))).toEqual({
      'agent_alertmanager_notifications_total{outcome="accepted"}': 2,
      'agent_alertmanager_notifications_total{outcome="too_large"}': 1,
      'agent_alertmanager_alerts_total{outcome="asked"}': 2,
      'agent_alertmanager_alerts_total{outcome="repeated"}': 98,
      'agent_alertmanager_active_alerts{state="firing"}': 3,
      'agent_alertmanager_active_alerts{state="unknown"}': 1,
    })
  })
})
