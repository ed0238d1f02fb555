// Writes what Kubernetes is told of rules and dashboards, or with --check fails when a file is out of date. With --write the
// files go elsewhere and may have other addresses in them, as `agent-exporter rules --set` takes them.
//
//   npm run kubernetes
//   npm run kubernetes -- --check
//   npm run kubernetes -- --write DIR [--set dashboards=https://grafana.example.org]
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { generatedDashboards } from '../dashboards/src/generated.ts'
import { kubernetesFiles } from './kubernetes/manifests.ts'
import { outdatedFiles } from './kubernetes/outdated.ts'

const { values } = parseArgs({
  options: {
    check: { type: 'boolean' },
    write: { type: 'string' },
    set: { type: 'string', multiple: true },
  },
})
const dashboards = generatedDashboards()

if (values.write !== undefined) {
  mkdirSync(values.write, { recursive: true })
  for (const [path, text] of Object.entries(kubernetesFiles(dashboards, values.set))) {
    writeFileSync(join(values.write, basename(path)), text)
  }
} else if (values.set !== undefined) {
  console.error('the files of the repository hold the defaults: name a folder with --write')
  process.exitCode = 2
} else {
  for (const { path, mend } of outdatedFiles(kubernetesFiles(dashboards))) {
    if (values.check) {
      console.error(`${path} is out of date: run npm run kubernetes`)
      process.exitCode = 1
    } else mend()
  }
}
