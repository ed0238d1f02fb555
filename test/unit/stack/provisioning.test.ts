import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../../src/config/load.ts'

const ROOT = join(import.meta.dirname, '../../..')
const PROVISIONING = 'deploy/grafana/provisioning'
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const yaml = (path: string): unknown => parse(read(path))

/** What Grafana documents, closed: a misspelt key is silently left out there. */
const closed = <P extends Record<string, Type.TSchema>>(properties: P) =>
  Type.Object(properties, { additionalProperties: false })
const optional = Type.Optional

// https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources and the pages of both kinds.
const datasource = {
  ...{ name: Type.String(), uid: Type.String(), access: Type.Literal('proxy') },
  ...{ url: Type.String({ pattern: '^http://[a-z]+:\\d+$' }), editable: Type.Literal(false) },
}
const DatasourceFile = closed({
  apiVersion: Type.Literal(1),
  prune: optional(Type.Boolean()),
  datasources: Type.Tuple([
    closed({
      ...datasource,
      type: Type.Literal('prometheus'),
      isDefault: Type.Literal(true),
      jsonData: closed({
        httpMethod: Type.Literal('POST'),
        timeInterval: Type.String({ pattern: '^\\d+s$' }),
        prometheusType: Type.Literal('Prometheus'),
        manageAlerts: Type.Boolean(),
        alertmanagerUid: Type.String(),
      }),
    }),
    closed({
      ...datasource,
      type: Type.Literal('alertmanager'),
      jsonData: closed({
        implementation: Type.Union([
          Type.Literal('prometheus'),
          Type.Literal('mimir'),
          Type.Literal('cortex'),
        ]),
        handleGrafanaManagedAlerts: Type.Boolean(),
      }),
    }),
  ]),
})

// https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards
const DashboardFile = closed({
  apiVersion: Type.Literal(1),
  providers: Type.Array(
    closed({
      ...{ name: Type.String(), orgId: Type.Integer(), type: Type.Literal('file') },
      ...{ folder: Type.String(), folderUid: Type.String({ pattern: '^[a-zA-Z0-9_-]{1,40}$' }) },
      ...{ disableDeletion: Type.Boolean(), allowUiUpdates: Type.Boolean() },
      updateIntervalSeconds: Type.Integer({ minimum: 1 }),
      options: closed({ path: Type.String(), foldersFromFilesStructure: Type.Boolean() }),
    }),
  ),
})

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly volumes: readonly (string | object)[]
        readonly environment: Readonly<Record<string, string>>
      }
    >
  >
}

describe('what Grafana is provisioned with', () => {
  const sources = yaml(`${PROVISIONING}/datasources/agent-exporter.yml`)
  const boards = yaml(`${PROVISIONING}/dashboards/agent-exporter.yml`)
  const grafana = (yaml('docker-compose.yml') as Compose).services['grafana']!

  it('has the keys and types that Grafana documents, and no other', () => {
    expect([...Value.Errors(DatasourceFile, sources)]).toEqual([])
    expect([...Value.Errors(DashboardFile, boards)]).toEqual([])
    expect([...Value.Errors(DatasourceFile, { ...(sources as object), datasource: [] })]).not.toEqual([])
  })

  it('asks Prometheus in steps of its scrapes, and Alertmanager as one of Prometheus', () => {
    const [prometheus, alertmanager] = (sources as Type.Static<typeof DatasourceFile>).datasources
    for (const file of ['prometheus/compose.yml', 'prometheus/prometheus.yml']) {
      const { global } = yaml(file) as { global: { scrape_interval: string } }
      expect({ file, interval: global.scrape_interval }).toEqual({
        file,
        interval: prometheus.jsonData.timeInterval,
      })
    }
    expect(prometheus.jsonData.alertmanagerUid).toBe(alertmanager.uid)
    expect(alertmanager.jsonData).toEqual({ implementation: 'prometheus', handleGrafanaManagedAlerts: false })
  })

  it('shows all boards in a folder of their own, which nobody changes in the browser', () => {
    const [provider] = (boards as Type.Static<typeof DashboardFile>).providers
    expect(provider).toMatchObject({ folder: 'agent-exporter', allowUiUpdates: false })
    expect(grafana.volumes).toEqual(
      expect.arrayContaining([
        `./dashboards/generated:${provider!.options.path}:ro`,
        `./${PROVISIONING}:/etc/grafana/provisioning:ro`,
      ]),
    )
    const home = grafana.environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']!
    expect(home).toBe(`${provider!.options.path}/agent-exporter-fleet.json`)
    expect(readdirSync(join(ROOT, 'dashboards/generated'))).toContain('agent-exporter-fleet.json')
  })

  it('lets nobody in without a password, and takes that from a file', () => {
    expect(grafana.environment).toMatchObject({
      GF_SECURITY_ADMIN_PASSWORD__FILE: '/run/secrets/grafana/admin-password',
      GF_AUTH_ANONYMOUS_ENABLED: `\${GRAFANA_ANONYMOUS:-false}`,
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    })
  })
})

describe('the other configurations of docker-compose.yml', () => {
  it('Alertmanager has the shipped one, with the address of the service', () => {
    const ofStack = read('deploy/compose/alertmanager.yml')
    const shipped = read('alerts/alertmanager.yml')
    const body = (text: string) => text.slice(text.indexOf('global:'))
    expect(body(ofStack)).toBe(body(shipped).replaceAll('http://localhost:10780/', 'http://exporter:10780/'))
  })

  it('Prometheus drops a scrape only beyond what the exporter would send', () => {
    const { config } = loadConfig(undefined, {})
    for (const file of ['prometheus/compose.yml', 'prometheus/prometheus.yml']) {
      const { scrape_configs } = yaml(file) as {
        scrape_configs: { job_name: string; sample_limit?: number }[]
      }
      const [exporter] = scrape_configs.filter(({ job_name }) => job_name === 'agent-exporter')
      expect(exporter?.sample_limit, file).toBeGreaterThan(config.agents.maxSeries)
    }
  })

  it('the exporter has a valid one, and answers for the name under which it is scraped', () => {
    const { config } = loadConfig(join(ROOT, 'deploy/compose/agent-exporter.yaml'), {})
    const { scrape_configs } = yaml('prometheus/compose.yml') as {
      scrape_configs: { static_configs: { targets: string[]; labels?: Record<string, string> }[] }[]
    }
    const [target] = scrape_configs[0]!.static_configs
    expect(config.alertmanager.instances).toEqual([target?.labels?.['instance']])
    expect(target?.targets).toEqual(['exporter:10780'])
    expect(config.auth.allowedHosts).toEqual(['exporter'])
    expect(config.auth.tokens.map(({ name, scopes }) => [name, scopes])).toEqual([
      ['prometheus', ['metrics']],
      ['alertmanager', ['control']],
      ['ingest', ['ingest']],
    ])
  })
})
