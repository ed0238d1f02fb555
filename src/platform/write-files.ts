import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from './make-folder.ts'
import { Problem } from './problem.ts'
import { cleanText } from './text.ts'

export type Fate = 'written' | 'replaced' | 'unchanged' | 'left over'

export interface WriteOptions {
  /** File in the folder that remembers what we wrote, so that what somebody else wrote or changed is not lost. */
  readonly record: string
  readonly version: string
  /** Whether files that are not ours, or were changed since, may be replaced. */
  readonly foreign: 'refuse' | 'replace'
}

/**
 * Writes files below a folder, each one whole or not at all. Nothing is written when one of them would replace a file
 * that is not as we wrote it.
 * @returns what became of each; `left over` is what an earlier version wrote and this one has no more
 * @throws Problem AE_FILE_EXISTS with the files that stand in the way
 */
export function writeFiles(
  folder: string,
  files: ReadonlyMap<string, string>,
  options: WriteOptions,
): ReadonlyMap<string, Fate> {
  const ours = readRecord(join(folder, options.record))
  const fates = new Map<string, Fate>()
  const foreign: string[] = []
  for (const [path, text] of files) {
    const found = hashAt(join(folder, path))
    if (found === undefined) fates.set(path, 'written')
    else if (found === hashOf(text)) fates.set(path, 'unchanged')
    else if (found === ours[path] || options.foreign === 'replace') fates.set(path, 'replaced')
    else foreign.push(path)
  }
  if (foreign.length > 0) {
    throw new Problem(
      'AE_FILE_EXISTS',
      `In ${cleanText(folder, 4_096)} these are not as agent-exporter wrote them: ${foreign.join(', ')}. Nothing was written; --force replaces them.`,
    )
  }
  for (const [path, text] of files) if (fates.get(path) !== 'unchanged') writeWhole(join(folder, path), text)
  const written = Object.fromEntries([...files].map(([path, text]) => [path, hashOf(text)]))
  const kept = Object.entries(ours).filter(([path]) => hashAt(join(folder, path)) !== undefined)
  for (const [path] of kept) if (!files.has(path)) fates.set(path, 'left over')
  const record = { version: options.version, files: { ...Object.fromEntries(kept), ...written } }
  writeWhole(join(folder, options.record), `${JSON.stringify(record, null, 2)}\n`)
  return fates
}

/** Hashes of what we wrote by path; none when there is no record, or none that can be read. */
function readRecord(path: string): Readonly<Record<string, string>> {
  try {
    const { files } = JSON.parse(readFileSync(path, 'utf8')) as { files?: unknown }
    const entries = Object.entries(files ?? {}).filter(([path]) => !path.split('/').includes('..'))
    return Object.fromEntries(entries.map(([path, hash]) => [path, String(hash)]))
  } catch {
    return {}
  }
}

/** undefined: nothing is there. What is no ordinary file has a hash that nothing else has. */
function hashAt(path: string): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  return found.isFile() ? hashOf(readFileSync(path)) : 'no file'
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Written aside, synced, renamed: Prometheus never loads half a file. */
function writeWhole(path: string, text: string): void {
  makeFolder(dirname(path))
  const aside = `${path}.${process.pid}.tmp`
  try {
    const fd = openSync(aside, 'wx', 0o644)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(aside, path)
  } catch (error) {
    rmSync(aside, { force: true })
    throw error
  }
}
