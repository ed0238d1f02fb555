// Writes the dashboards from dashboards/src, or with --check fails when one is out of date. For other addresses:
// agent-exporter dashboards --write DIR.
//
//   npm run dashboards
//   npm run dashboards -- --check
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { generatedDashboards } from '../dashboards/src/generated.ts'
import { unusedDocument } from '../dashboards/src/unused.ts'
import { kubernetesFiles } from './kubernetes/manifests.ts'
import { outdatedFiles } from './kubernetes/outdated.ts'

const ROOT = join(import.meta.dirname, '..')
const FOLDER = join(ROOT, 'dashboards/generated')
const { values } = parseArgs({ options: { check: { type: 'boolean' } } })
const boards = generatedDashboards()

for (const name of readdirSync(FOLDER).filter((one) => one.endsWith('.json'))) {
  if (boards[`dashboards/generated/${name}`] === undefined) outdated(name, () => rmSync(join(FOLDER, name)))
}
const files = { ...boards, 'dashboards/unused.md': unusedDocument() }
for (const [path, text] of Object.entries(files)) {
  if (written(join(ROOT, path)) !== text) outdated(path, () => writeFileSync(join(ROOT, path), text))
}
// Kubernetes has the boards in files of its own.
for (const { path, mend } of outdatedFiles(kubernetesFiles(boards))) outdated(path, mend)

function outdated(name: string, mend: () => void): void {
  if (values.check) {
    console.error(`${name} is out of date: run npm run dashboards`)
    process.exitCode = 1
  } else mend()
}

function written(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
