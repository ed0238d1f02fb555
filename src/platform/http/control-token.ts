import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../problem.ts'

const FILE_NAME = 'control.token'
const TOKEN_BYTES = 32
/** 32 bytes in base64url without padding. */
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/
const OWNER_ONLY = 0o600
const GROUP_AND_OTHERS = 0o077

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function notWritten(path: string, error: unknown): Problem {
  const code = error instanceof Error && 'code' in error ? error.code : error
  return new Problem('AE_DATA_DIR', `${path} cannot be written: ${String(code)}.`)
}

function create(path: string): string | undefined {
  let fd: number
  try {
    // O_EXCL does not follow a link either (open(2)); O_NOFOLLOW says it once more for the reader.
    fd = openSync(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      OWNER_ONLY,
    )
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return undefined
    throw notWritten(path, error)
  }
  try {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    writeSync(fd, `${token}\n`)
    fsyncSync(fd)
    return token
  } catch (error) {
    // Half a token would stop every later start, when there is room again.
    rmSync(path, { force: true })
    throw notWritten(path, error)
  } finally {
    closeSync(fd)
  }
}

/**
 * Reads `<data dir>/control.token`; used by the daemon's later starts and by the CLI.
 * @throws Problem AE_DATA_DIR in one sentence when the file is a link, belongs to somebody else, can be read by others, or does
 * not hold a token. A missing file throws ENOENT. The token itself is in no message.
 */
export function readControlToken(dataDir: string): string {
  const path = join(dataDir, FILE_NAME)
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (isErrno(error, 'ELOOP')) {
      throw new Problem('AE_DATA_DIR', `${path} is a symbolic link; remove it and start again.`)
    }
    throw error
  }
  try {
    // Everything is asked of the open descriptor, so nothing can be exchanged in between.
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new Problem('AE_DATA_DIR', `${path} is not a regular file.`)
    const uid = process.getuid?.()
    if (uid !== undefined && stat.uid !== uid) {
      throw new Problem('AE_DATA_DIR', `${path} belongs to uid ${stat.uid}, not to uid ${uid}.`)
    }
    if (process.platform !== 'win32' && (stat.mode & GROUP_AND_OTHERS) !== 0) {
      throw new Problem(
        'AE_DATA_DIR',
        `${path} can be read by others (mode ${(stat.mode & 0o777).toString(8)}); chmod 600 it.`,
      )
    }
    const token = readFileSync(fd, 'utf8').trim()
    if (!TOKEN_PATTERN.test(token)) {
      throw new Problem('AE_DATA_DIR', `${path} does not hold a control token; remove it and start again.`)
    }
    return token
  } finally {
    closeSync(fd)
  }
}

/**
 * The control token of this data directory, made at the first start. The directory must exist and be ours.
 * @throws Problem AE_DATA_DIR when it can be neither read nor made
 */
export function ensureControlToken(dataDir: string): string {
  return create(join(dataDir, FILE_NAME)) ?? readControlToken(dataDir)
}
