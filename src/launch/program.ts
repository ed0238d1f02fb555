import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

/** POSIX's own default where `PATH` is not set (confstr(3), `_CS_PATH`). */
const DEFAULT_PATH = '/bin:/usr/bin'

/** Whether a command can be executed, asked before anything is started or registered in its name. */
export type ProgramSearch =
  | { readonly found: true; readonly path: string }
  | { readonly found: false; readonly why: 'missing' | 'not_executable' }

/**
 * Looks for a program as execvp(3) does: a name with a slash is a path, anything else is searched in `PATH`, and
 * a file that may not be executed counts only when no other is found.
 */
export function findProgram(name: string, path: string | undefined, cwd: string): ProgramSearch {
  if (name === '') return { found: false, why: 'missing' }
  const places = name.includes('/') ? [''] : (path ?? DEFAULT_PATH).split(delimiter)
  let why: 'missing' | 'not_executable' = 'missing'
  for (const place of places) {
    const candidate = resolve(cwd, join(place, name))
    const state = stateOf(candidate)
    if (state === 'executable') return { found: true, path: candidate }
    if (state === 'not_executable') why = state
  }
  return { found: false, why }
}

function stateOf(path: string): 'executable' | 'not_executable' | 'missing' {
  try {
    if (!statSync(path).isFile()) return 'not_executable'
    accessSync(path, constants.X_OK)
    return 'executable'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'not_executable' : 'missing'
  }
}
