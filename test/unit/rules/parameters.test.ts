import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { RULE_DEFAULTS, retarget, withParameters } from '../../../src/rules/parameters.ts'

describe('rules elsewhere', () => {
  it('select what they are told to, where they selected a job, and nowhere else', () => {
    const expression = `a{job="agent-exporter", note="job=\\"agent-exporter\\""} > on (job) b{x="1", job = "agent-exporter"}`
    const elsewhere = { ...RULE_DEFAULTS, selector: 'job=~"agents-.*", cluster="a"' }
    expect(retarget(expression, elsewhere)).toBe(
      `a{job=~"agents-.*", cluster="a", note="job=\\"agent-exporter\\""} > on (job) b{x="1", job=~"agents-.*", cluster="a"}`,
    )
  })

  it('keep short ranges and times from being shorter than a few scrapes', () => {
    const minute = { ...RULE_DEFAULTS, intervalMs: 60_000 }
    expect(retarget('rate(a{x="[1m]"}[1m]) > rate(b[10m] offset 1m)', minute)).toBe(
      'rate(a{x="[1m]"}[4m]) > rate(b[10m] offset 1m)',
    )
  })

  it('are the same with the defaults', () => {
    const expression = 'last_over_time(a{job="agent-exporter"}[1m]) >= 1'
    expect(retarget(expression, RULE_DEFAULTS)).toBe(expression)
  })

  it('keep their comments and link to where the runbooks and dashboards are', () => {
    const text = `groups:
  - name: one
    rules:
      # Why.
      - alert: A
        expr: |
          up{job="agent-exporter"}
            == 0
        for: 1m
        annotations:
          runbook_url: docs/runbooks.md#a
          dashboard_url: "http://localhost:3000/d/x?var-job={{ $labels.job | urlquery }}"
`
    const elsewhere = withParameters(text, {
      ...RULE_DEFAULTS,
      selector: 'job="fleet"',
      intervalMs: 60_000,
      runbooks: 'https://wiki.example.org/',
      dashboards: 'https://grafana.example.org',
    })
    expect(elsewhere).toContain('# Why.')
    expect(parse(elsewhere)).toEqual({
      groups: [
        {
          name: 'one',
          rules: [
            {
              alert: 'A',
              expr: 'up{job="fleet"}\n  == 0\n',
              for: '2m',
              annotations: {
                runbook_url: 'https://wiki.example.org/docs/runbooks.md#a',
                dashboard_url: 'https://grafana.example.org/d/x?var-job={{ $labels.job | urlquery }}',
              },
            },
          ],
        },
      ],
    })
    expect(withParameters(text, RULE_DEFAULTS)).toBe(text)
  })
})
