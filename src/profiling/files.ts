import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface ProfileFile {
  readonly path: string
  readonly bytes: number
  readonly writtenAtMs: number
}

/** The watched program writes these files: larger ones, and more of them, are left to real tools. */
const LARGEST_PROFILE_BYTES = 64 * 2 ** 20
const MOST_PROFILES = 256

/** What was written for this run, by name. */
export function filesOf(run: {
  readonly outputDir: string
  readonly prefix: string
}): readonly ProfileFile[] {
  const names = readdirSync(run.outputDir).filter((name) => name.startsWith(`${run.prefix}-`))
  return names.sort(byNumbers).flatMap((name) => {
    const path = join(run.outputDir, name)
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat?.isFile() ? [{ path, bytes: stat.size, writtenAtMs: stat.mtimeMs }] : []
  })
}

const { compare: byNumbers } = new Intl.Collator('en', { numeric: true })

/** The CPU profiles among them, one after the other; a damaged one is left out. */
export function* cpuProfiles(files: readonly ProfileFile[]): Generator<unknown> {
  let read = 0
  for (const { path, bytes } of files) {
    if (!path.endsWith('.cpuprofile') || bytes > LARGEST_PROFILE_BYTES || read++ >= MOST_PROFILES) continue
    try {
      yield JSON.parse(readFileSync(path, 'utf8'))
    } catch {}
  }
}
