import { stringify } from 'yaml'

/** In the folder of the boards; Grafana reads only `.json` there. */
export const PROVIDER_FILE = 'provider.yaml'

/**
 * What Grafana needs to provision the boards of a folder: to be put into `provisioning/dashboards` of Grafana.
 * @see https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards
 * @param folder where Grafana finds the boards: an absolute path on its machine
 */
export function providerOf(folder: string): string {
  const provider = {
    name: 'agent-exporter',
    orgId: 1,
    type: 'file',
    folder: 'agent-exporter',
    folderUid: 'agent-exporter',
    disableDeletion: false,
    allowUiUpdates: false,
    updateIntervalSeconds: 30,
    options: { path: folder, foldersFromFilesStructure: false },
  }
  const head = '# For provisioning/dashboards of Grafana. "path" is where Grafana itself finds the boards.\n'
  return `${head}${stringify({ apiVersion: 1, providers: [provider] })}`
}
