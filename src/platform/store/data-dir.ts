import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { makeFolder } from '../make-folder.ts'
import { Problem } from '../problem.ts'

/** Everything the choice of the data directory depends on, so that the choice itself is pure. */
export interface DataDirInputs {
  /** Value of `--data.dir`. */
  readonly flag: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Effective uid; undefined where the platform has none. */
  readonly uid: number | undefined
  readonly home: string
}

const ROOT_DATA_DIR = '/var/lib/agent-exporter'
/** Owner only: the directory holds the control token and the action journal. */
const DATA_DIR_MODE = 0o700
const GROUP_OR_WORLD_WRITABLE = 0o022

/**
 * Where the data goes: `--data.dir`, `$AGENT_EXPORTER_DATA_DIR`, `/var/lib/agent-exporter` for root, else
 * `$XDG_STATE_HOME/agent-exporter` or `~/.local/state/agent-exporter`. A relative `XDG_STATE_HOME` is
 * ignored (XDG Base Directory Specification: "consider the path invalid and ignore it").
 */
export function resolveDataDir(inputs: DataDirInputs): string {
  if (inputs.flag) return resolve(inputs.flag)
  const named = inputs.env['AGENT_EXPORTER_DATA_DIR']
  if (named) return resolve(named)
  if (inputs.uid === 0) return ROOT_DATA_DIR
  const state = inputs.env['XDG_STATE_HOME']
  if (state && isAbsolute(state)) return join(state, 'agent-exporter')
  return join(inputs.home, '.local', 'state', 'agent-exporter')
}

/**
 * Creates the directory (0700) when it is missing and refuses one that somebody else could change: not owned
 * by `uid`, a symbolic link, not a directory, or writable by group or world.
 *
 * @throws Problem `AE_DATA_DIR`, which the command line answers with exit code 2.
 */
export function ensureDataDir(path: string, uid: number | undefined = process.geteuid?.()): void {
  const dir = resolve(path)
  try {
    makeFolder(dir, DATA_DIR_MODE)
  } catch (error) {
    const code = codeOf(error)
    throw refuse(dir, code === 'EEXIST' ? 'it is not a directory' : code)
  }
  let fd: number
  try {
    // The link check and the ownership check must be about the same inode: open first, then ask the descriptor.
    fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    const code = codeOf(error)
    // Linux answers ENOTDIR, not ELOOP, for O_DIRECTORY|O_NOFOLLOW on a link (open(2)).
    throw refuse(dir, code === 'ELOOP' || code === 'ENOTDIR' ? 'it is a symbolic link' : code)
  }
  try {
    const stat = fstatSync(fd)
    if (uid !== undefined && stat.uid !== uid) throw refuse(dir, `it belongs to uid ${stat.uid}, not ${uid}`)
    if (uid !== undefined && (stat.mode & GROUP_OR_WORLD_WRITABLE) !== 0) {
      throw refuse(dir, `others may write to it (mode ${(stat.mode & 0o777).toString(8)}); chmod go-w it`)
    }
  } finally {
    closeSync(fd)
  }
}

/** @throws Problem `AE_DATA_DIR` when a file of ours is a link that leads elsewhere. */
export function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new Problem('AE_DATA_DIR', `${path} is a symbolic link.`)
  }
}

function refuse(dir: string, why: string): Problem {
  return new Problem('AE_DATA_DIR', `The data directory ${dir} cannot be used: ${why}.`)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
