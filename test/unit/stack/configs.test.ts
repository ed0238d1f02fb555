import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { alertmanagerConfig, exporterConfig, prometheusConfig } from '../../../scripts/stack/configs.ts'
import { provisioningFiles } from '../../../scripts/stack/grafana.ts'
import { decodeConfig } from '../../../src/config/decode.ts'

const ROOT = join(import.meta.dirname, '../../..')
const shipped = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const addresses = {
  exporter: '127.0.0.1:1',
  prometheus: '127.0.0.1:2',
  alertmanager: '127.0.0.1:3',
  grafana: '127.0.0.1:4',
}
const secrets = '/stack/secrets'

describe("Prometheus's configuration", () => {
  const places = { addresses, secrets, rules: '/stack/rules' }
  const original = parse(shipped('prometheus/prometheus.yml'))
  const config = parse(prometheusConfig(shipped('prometheus/prometheus.yml'), { ...places, interval: '5s' }))

  it('scrapes whom the shipped one scrapes, under the same job names', () => {
    const names = (jobs: { job_name: string }[]) => jobs.map(({ job_name }) => job_name)
    expect(names(config.scrape_configs)).toEqual(names(original.scrape_configs))
    expect(config.scrape_configs.map((job: { static_configs: object }) => job.static_configs)).toEqual(
      [addresses.exporter, addresses.prometheus, addresses.alertmanager].map((one) => [{ targets: [one] }]),
    )
    expect(config.alerting.alertmanagers).toEqual([
      { static_configs: [{ targets: [addresses.alertmanager] }] },
    ])
  })

  it('never waits longer for a scrape than until the next one', () => {
    expect(config.global).toMatchObject({
      scrape_interval: '5s',
      scrape_timeout: '5s',
      evaluation_interval: '5s',
    })
    const slow = prometheusConfig(shipped('prometheus/prometheus.yml'), { ...places, interval: '1m' })
    expect(parse(slow).global).toMatchObject({ scrape_interval: '1m', scrape_timeout: '10s' })
  })

  it('names rules and secrets in the folder of the stack', () => {
    expect(config.rule_files).toEqual([
      '/stack/rules/alerts/*.rules.yml',
      '/stack/rules/recording/*.rules.yml',
    ])
    const text = shipped('prometheus/prometheus.yml').replace(
      'static_configs:\n      - targets: ["localhost:10780"]',
      (found) => `authorization: { credentials_file: ../secrets/prometheus.token }\n    ${found}`,
    )
    const [job] = parse(prometheusConfig(text, { ...places, interval: '15s' })).scrape_configs
    expect(job.authorization).toEqual({ credentials_file: '/stack/secrets/prometheus.token' })
  })
})

describe("Alertmanager's configuration", () => {
  const config = (...there: readonly string[]) => {
    const { text, silent } = alertmanagerConfig(shipped('alerts/alertmanager.yml'), {
      ...{ addresses, secrets, templates: '/clone/*.tmpl', credentials: '/stack/secrets/own.token' },
      exists: (path) => there.includes(path),
    })
    return { ...parse(text), silent }
  }
  const original = parse(shipped('alerts/alertmanager.yml'))
  const named = (list: readonly { name: string }[], name: string) => list.find((one) => one.name === name)

  it('keeps every route, inhibition and receiver', () => {
    const { route, inhibit_rules, receivers, time_intervals } = config()
    expect({ route, inhibit_rules, time_intervals }).toEqual({
      route: original.route,
      inhibit_rules: original.inhibit_rules,
      time_intervals: original.time_intervals,
    })
    expect(receivers.map(({ name }: { name: string }) => name)).toEqual(
      original.receivers.map(({ name }: { name: string }) => name),
    )
  })

  it('calls this exporter back with the token of the stack, and otherwise as shipped', () => {
    const [was] = (named(original.receivers, 'agent-exporter') as never)['webhook_configs'] as [
      { http_config: object },
    ]
    expect(named(config().receivers, 'agent-exporter')).toEqual({
      name: 'agent-exporter',
      webhook_configs: [
        {
          ...was,
          url: 'http://127.0.0.1:1/api/v1/alertmanager',
          http_config: {
            ...was.http_config,
            authorization: { type: 'Bearer', credentials_file: '/stack/secrets/own.token' },
          },
        },
      ],
    })
  })

  it('tells nobody whose secret is not there, and says whose', () => {
    const { receivers, silent, global } = config()
    for (const name of ['slack', 'pagerduty', 'dead-man', 'email']) {
      expect(named(receivers, name)).toEqual({ name })
    }
    expect(silent.map(({ receiver }: { receiver: string }) => receiver).sort()).toEqual([
      'dead-man',
      'email',
      'pagerduty',
      'slack',
    ])
    expect(global).not.toHaveProperty('slack_api_url_file')
  })

  it('tells whom it has a secret for', () => {
    const { receivers, silent, global } = config(
      '/stack/secrets/slack-webhook',
      '/stack/secrets/pagerduty-routing-key',
    )
    expect(named(receivers, 'slack')).toEqual(named(original.receivers, 'slack'))
    expect(named(receivers, 'pagerduty')).toMatchObject({
      pagerduty_configs: [{ routing_key_file: '/stack/secrets/pagerduty-routing-key' }],
    })
    expect(global.slack_api_url_file).toBe('/stack/secrets/slack-webhook')
    expect(silent).toHaveLength(2)
  })
})

describe("the exporter's configuration", () => {
  const token = {
    name: 'alertmanager',
    file: '/stack/secrets/exporter/alertmanager.token',
    scopes: ['control'],
  }

  it('answers for its own instance and asks its own Alertmanager', () => {
    const { alertmanager, auth } = decodeConfig('x', parse(exporterConfig({}, [token], addresses)))
    expect(alertmanager).toMatchObject({ instances: ['127.0.0.1:1'], url: 'http://127.0.0.1:3' })
    expect(auth.tokens).toEqual([token])
  })

  it('keeps what a person wrote', () => {
    const mine = { name: 'mine', hashSha256: 'b'.repeat(64), scopes: ['read'] }
    const written = {
      auth: { tokens: [mine], allowedHosts: ['x.example'] },
      alertmanager: { instances: ['mine:*'] },
      sampling: { interval: '2s' },
    }
    const config = decodeConfig('x', parse(exporterConfig(written, [token], addresses)))
    expect(config.auth).toMatchObject({ tokens: [mine, token], allowedHosts: ['x.example'] })
    expect(config.alertmanager).toMatchObject({ instances: ['mine:*'], url: 'http://127.0.0.1:3' })
    expect(config.sampling.interval).toBe(2_000)
  })
})

it('Grafana is provisioned as in containers, with other addresses and its interval', () => {
  const files = provisioningFiles({ folder: '/stack', addresses, interval: '5s', passwordFile: '/p' })
  for (const [path, text] of Object.entries(files)) {
    const there = parse(text)
    const was = parse(shipped(`deploy/grafana/provisioning/${path}`))
    expect(Object.keys(there), path).toEqual(Object.keys(was))
  }
  const sources = parse(files['datasources/agent-exporter.yml']!).datasources
  expect(sources).toMatchObject([
    { type: 'prometheus', url: 'http://127.0.0.1:2', jsonData: { timeInterval: '5s' } },
    { type: 'alertmanager', url: 'http://127.0.0.1:3' },
  ])
  const [provider] = parse(files['dashboards/agent-exporter.yml']!).providers
  expect(provider.options.path).toBe(join(ROOT, 'dashboards/generated'))
})
