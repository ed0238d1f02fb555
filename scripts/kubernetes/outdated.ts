import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FOLDER } from './manifests.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A file that is not as it would be written, and how to mend that. */
interface Outdated {
  readonly path: string
  mend(): void
}

/** Compares the folder with what belongs there: files that differ, that are missing, and that belong there no more. */
export function outdatedFiles(files: Readonly<Record<string, string>>): readonly Outdated[] {
  mkdirSync(join(ROOT, FOLDER), { recursive: true })
  const strange = readdirSync(join(ROOT, FOLDER))
    .map((name) => `${FOLDER}/${name}`)
    .filter((path) => files[path] === undefined)
  return [
    ...strange.map((path) => ({ path, mend: () => rmSync(join(ROOT, path)) })),
    ...Object.entries(files)
      .filter(([path, text]) => written(path) !== text)
      .map(([path, text]) => ({ path, mend: () => writeFileSync(join(ROOT, path), text) })),
  ]
}

function written(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8')
  } catch {
    return undefined
  }
}
