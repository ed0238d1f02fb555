import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type Addresses, HEAD } from './configs.ts'
import { ROOT } from './options.ts'

export interface GrafanaPlaces {
  readonly folder: string
  readonly addresses: Addresses
  readonly interval: string
  readonly passwordFile: string
}

const SHIPPED = 'deploy/grafana/provisioning'
const SOURCES = 'datasources/agent-exporter.yml'
const BOARDS = 'dashboards/agent-exporter.yml'

interface Source {
  readonly type: string
  readonly jsonData: object
}
interface Provider {
  readonly options: object
}

/**
 * The provisioning that is shipped, with the addresses and the interval of this stack. timeInterval is that of scrapes:
 * by it `$__rate_interval` never asks for less than four of them.
 * @see https://grafana.com/docs/grafana/latest/administration/provisioning/
 */
export function provisioningFiles({ addresses, interval }: GrafanaPlaces): Readonly<Record<string, string>> {
  const sources = shipped<{ readonly datasources: readonly Source[] }>(SOURCES)
  const boards = shipped<{ readonly providers: readonly Provider[] }>(BOARDS)
  return {
    [SOURCES]: text(SOURCES, {
      ...sources,
      datasources: sources.datasources.map((source) =>
        source.type === 'prometheus'
          ? {
              ...source,
              url: `http://${addresses.prometheus}`,
              jsonData: { ...source.jsonData, timeInterval: interval },
            }
          : { ...source, url: `http://${addresses.alertmanager}` },
      ),
    }),
    [BOARDS]: text(BOARDS, {
      ...boards,
      providers: boards.providers.map((provider) => ({
        ...provider,
        options: { ...provider.options, path: join(ROOT, 'dashboards/generated') },
      })),
    }),
  }
}

function shipped<T>(path: string): T {
  return parse(readFileSync(join(ROOT, SHIPPED, path), 'utf8')) as T
}

function text(path: string, content: object): string {
  return HEAD(`${SHIPPED}/${path}`) + stringify(content)
}

/** Writes the files and answers the environment that points Grafana to them. */
export function prepareGrafana(places: GrafanaPlaces): NodeJS.ProcessEnv {
  const provisioning = join(places.folder, 'grafana/provisioning')
  for (const name of ['datasources', 'dashboards', 'plugins', 'alerting']) {
    mkdirSync(join(provisioning, name), { recursive: true, mode: 0o700 })
  }
  for (const [path, text] of Object.entries(provisioningFiles(places))) {
    writeFileSync(join(provisioning, path), text)
  }
  const [host, port] = places.addresses.grafana.split(':')
  return {
    GF_PATHS_DATA: join(places.folder, 'grafana/data'),
    GF_PATHS_LOGS: join(places.folder, 'grafana/logs'),
    GF_PATHS_PLUGINS: join(places.folder, 'grafana/plugins'),
    GF_PATHS_PROVISIONING: provisioning,
    GF_SERVER_HTTP_ADDR: host,
    GF_SERVER_HTTP_PORT: port,
    GF_SECURITY_ADMIN_PASSWORD__FILE: places.passwordFile,
    // It asks nobody outside: no plugins, no versions, no statistics.
    GF_PLUGINS_PREINSTALL_DISABLED: 'true',
    GF_ANALYTICS_REPORTING_ENABLED: 'false',
    GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
    GF_NEWS_NEWS_FEED_ENABLED: 'false',
  }
}
