import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file that pages load. */
export interface Asset {
  readonly type: string
  readonly content: string
  /** Strong: of the content. */
  readonly etag: string
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
}

/** Style sheet, icon, and, once it is built, the script: everything that is served, read once. */
export function readAssets(
  folder = fileURLToPath(new URL('./browser', import.meta.url)),
): ReadonlyMap<string, Asset> {
  const names = readdirSync(folder).filter((name) => extname(name) in TYPES)
  return new Map(
    names.map((name) => {
      const content = readFileSync(join(folder, name), 'utf8')
      const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
      return [name, { type: TYPES[extname(name)]!, content, etag }]
    }),
  )
}
