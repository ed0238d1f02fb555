import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'

const FOLDER = join(import.meta.dirname, '../../../deploy/kubernetes')

// biome-ignore lint/suspicious/noExplicitAny: each kind has a shape of its own, which the schemas check.
export type Any = any

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly spec?: Any
  readonly data?: Readonly<Record<string, string>>
}

export interface Bundle {
  /** Documents by path below the folder. */
  readonly files: Readonly<Record<string, readonly Manifest[]>>
  readonly kustomization: Any
}

export function readBundle(): Bundle {
  const paths = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yaml') && path !== 'kustomization.yaml')
    .sort()
  return {
    files: Object.fromEntries(
      paths.map((path) => [path, parseAllDocuments(textOf(path)).map((one) => one.toJS() as Manifest)]),
    ),
    kustomization: parse(textOf('kustomization.yaml')),
  }
}

export function allOf({ files }: Bundle): readonly Manifest[] {
  return Object.values(files).flat()
}

/** The only one of its kind and name. */
export function find(bundle: Bundle, kind: string, name = 'agent-exporter'): Manifest {
  const found = allOf(bundle).filter((one) => one.kind === kind && one.metadata.name === name)
  if (found.length !== 1) throw new Error(`${found.length} of ${kind} ${name}`)
  return found[0]!
}

function textOf(path: string): string {
  return readFileSync(join(FOLDER, path), 'utf8')
}
