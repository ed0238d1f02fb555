import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureDataDir } from '../../src/platform/store/data-dir.ts'
import { ROOT } from './options.ts'

/** One entry of `auth.tokens`. */
export interface TokenEntry {
  readonly name: string
  readonly file: string
  readonly scopes: readonly string[]
}

/** Files that the parts of the stack know each other by, as docker-compose.yml has them. */
export interface Secrets {
  readonly folder: string
  /** What Alertmanager shows the exporter. */
  readonly alertmanagerToken: string
  /** What programs show that report of others. */
  readonly ingestToken: string
  readonly grafanaPassword: string
  /** For `auth.tokens` of the exporter. */
  readonly tokens: readonly TokenEntry[]
}

/**
 * Makes what is missing, by the script that does it for containers; what is there stays as it is.
 * @throws Problem AE_DATA_DIR when the folder is a link, is somebody else's, or can be changed by others.
 */
export function makeSecrets(folder: string): Secrets {
  ensureDataDir(folder)
  execFileSync(join(ROOT, 'scripts/stack-secrets'), [folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  const at = (...path: string[]): string => join(folder, ...path)
  return {
    folder,
    alertmanagerToken: at('alertmanager/agent-exporter.token'),
    ingestToken: at('exporter/ingest.token'),
    grafanaPassword: at('grafana/admin-password'),
    tokens: [
      { name: 'prometheus', file: at('exporter/prometheus.token'), scopes: ['metrics'] },
      // It may have agents paused, so it needs the scope of a person.
      { name: 'alertmanager', file: at('exporter/alertmanager.token'), scopes: ['control'] },
      { name: 'ingest', file: at('exporter/ingest.token'), scopes: ['ingest'] },
    ],
  }
}
