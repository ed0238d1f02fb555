import { describe, expect, it } from 'vitest'
import { generatedDashboards } from '../../../dashboards/src/generated.ts'
import { DASHBOARD_DEFAULTS, withParameters } from '../../../src/dashboards/parameters.ts'
import { textsOf } from '../../support/boards/boards.ts'

const fleet = generatedDashboards()['dashboards/generated/agent-exporter-fleet.json']!
const changed = (parameters: Partial<typeof DASHBOARD_DEFAULTS>) =>
  withParameters(fleet, { ...DASHBOARD_DEFAULTS, ...parameters })
const overridesOf = (text: string) =>
  textsOf(JSON.parse(text)).filter((one) => one.includes('/api/v1/agents/'))

describe('dashboards for another place', () => {
  it('with the defaults are the files themselves, without buttons', () => {
    expect(changed({})).toBe(fleet)
    expect(fleet).not.toContain('"actions"')
  })

  it('lead to exporters and runbooks elsewhere', () => {
    const text = changed({ exporter: 'https://x.example/{instance}', runbooks: 'https://wiki.example/' })
    expect(text).toContain(
      'https://x.example/${__data.fields.instance}/ui/agents/${__data.fields.agent:percentencode}',
    )
    expect(text).toContain('https://x.example/${__field.labels.instance}/ui/agents/')
    expect(text).not.toMatch(/http:\/\/\$\{|\(docs\/runbooks/)
    expect(text).toContain('(https://wiki.example/docs/runbooks.md#agentcrashed)')
  })

  it('have buttons that ask, say why, and carry no token', () => {
    const text = changed({ actions: 'https://x.example/' })
    expect(new Set(overridesOf(text))).toEqual(
      new Set([
        'https://x.example/api/v1/agents/${__data.fields.agent:percentencode}/pause',
        'https://x.example/api/v1/agents/${__data.fields.agent:percentencode}/resume',
      ]),
    )
    expect(text).toContain('"confirmation": "Pause agent ${__data.fields.agent}?"')
    expect(text).toContain('{\\"reason\\":\\"$reason\\"}')
    expect(text.toLowerCase()).not.toContain('authorization')
  })
})
