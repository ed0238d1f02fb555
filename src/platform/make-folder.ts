import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it that are missing. `mkdirSync` with `recursive` never returns where the kernel answers
 * ENOENT although the folder above is there (/proc, a folder that was removed while it was worked in): it makes the one
 * above and tries again, for ever, deaf to signals.
 * @throws NodeJS.ErrnoException of `mkdir`; EEXIST when something else than a folder has the name
 */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && isFolder(path)) return
    if (code !== 'ENOENT' || isFolder(dirname(path))) throw error
    makeFolder(dirname(path), mode)
    makeFolder(path, mode)
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
