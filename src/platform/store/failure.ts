import { Problem } from '../problem.ts'

/** Why a statement was not done; the values of `reason` in `agent_exporter_store_write_failures_total`. */
export const FAILURE_REASONS = [
  'full',
  'readonly',
  'io',
  'busy',
  'damaged',
  'connection',
  'timeout',
  'queue_full',
  'closed',
  'constraint',
  'statement',
] as const

export type FailureReason = (typeof FAILURE_REASONS)[number]

const UNAVAILABLE: Readonly<Partial<Record<FailureReason, string>>> = {
  full: 'The disk is full.',
  readonly: 'The database is read-only.',
  io: 'The database file cannot be read or written.',
  busy: 'Another process holds the database.',
  damaged: 'The database file is damaged and is being replaced.',
  connection: 'The database server cannot be reached.',
  timeout: 'The database did not answer in time.',
  queue_full: 'Too many statements are waiting for the store.',
  closed: 'The store is closed.',
}

/** The store cannot do this now; the statement itself may be right. Answered as `AE_STORE_UNAVAILABLE`. */
export class StoreUnavailable extends Problem {
  readonly reason: FailureReason

  constructor(reason: FailureReason, detail?: string) {
    super('AE_STORE_UNAVAILABLE', [UNAVAILABLE[reason] ?? reason, detail].filter(Boolean).join(' '))
    this.reason = reason
  }
}

export type ConstraintKind = 'unique' | 'foreign_key' | 'not_null' | 'check' | 'other'

/** A row broke a rule of its table; the same class for both engines so that repositories need no dialect. */
export class ConstraintError extends Error {
  override readonly name = 'ConstraintError'
  readonly kind: ConstraintKind

  constructor(kind: ConstraintKind, message: string) {
    super(message)
    this.kind = kind
  }
}

/** What crosses the thread border instead of an Error. */
export interface Failure {
  readonly reason: FailureReason
  readonly message: string
  readonly constraint?: ConstraintKind
}

/** True when the store, not the statement, is at fault: worth keeping the rows and trying again. */
export function isUnavailable(reason: FailureReason): boolean {
  return UNAVAILABLE[reason] !== undefined
}

export function toError(failure: Failure): Error {
  if (isUnavailable(failure.reason)) return new StoreUnavailable(failure.reason, failure.message)
  if (failure.reason === 'constraint') {
    return new ConstraintError(failure.constraint ?? 'other', failure.message)
  }
  return new Error(failure.message)
}

// Primary result codes: https://www.sqlite.org/rescode.html; the low byte of the extended code.
const SQLITE_REASONS: Readonly<Record<number, FailureReason>> = {
  5: 'busy',
  6: 'busy',
  7: 'io',
  8: 'readonly',
  10: 'io',
  11: 'damaged',
  13: 'full',
  14: 'io',
  19: 'constraint',
  26: 'damaged',
}

/** File system errors met outside SQLite: opening the file, the reserve. */
const ERRNO_REASONS: Readonly<Record<string, FailureReason>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'readonly',
  EACCES: 'readonly',
  EPERM: 'readonly',
  EIO: 'io',
  EISDIR: 'io',
  ENOENT: 'io',
  ENOTDIR: 'io',
  EMFILE: 'io',
}

const SQLITE_CONSTRAINTS: Readonly<Record<number, ConstraintKind>> = {
  2067: 'unique',
  1555: 'unique',
  2579: 'unique',
  787: 'foreign_key',
  1299: 'not_null',
  275: 'check',
}

export function sqliteFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined
  const errno = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason =
    (code === undefined ? ERRNO_REASONS[errno] : SQLITE_REASONS[code & 0xff]) ?? ('statement' as const)
  if (reason !== 'constraint') return { reason, message }
  return { reason, message, constraint: SQLITE_CONSTRAINTS[code ?? 0] ?? 'other' }
}

const POSTGRES_CONSTRAINTS: Readonly<Record<string, ConstraintKind>> = {
  '23505': 'unique',
  '23503': 'foreign_key',
  '23502': 'not_null',
  '23514': 'check',
}

// Classes of SQLSTATE: https://www.postgresql.org/docs/15/errcodes-appendix.html
const POSTGRES_REASONS: Readonly<Record<string, FailureReason>> = {
  '53100': 'full',
  '25006': 'readonly',
  '57014': 'timeout',
  '25P03': 'timeout',
  '40001': 'busy',
  '40P01': 'busy',
  '55P03': 'busy',
  XX001: 'damaged',
  XX002: 'damaged',
}
const SQLSTATE = /^[0-9A-Z]{5}$/
/** Connection exception, insufficient resources, operator intervention, system error; wrong credentials. */
const UNREACHABLE_CLASSES = new Set(['08', '53', '57', '58', '28'])

export function postgresFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!SQLSTATE.test(code)) {
    // Errors of pg itself (a lost socket, a timeout) have no SQLSTATE.
    return { reason: /timeout/i.test(message) ? 'timeout' : 'connection', message: message || code }
  }
  const known = POSTGRES_REASONS[code]
  if (known) return { reason: known, message }
  const sqlClass = code.slice(0, 2)
  if (sqlClass === '23') {
    return { reason: 'constraint', message, constraint: POSTGRES_CONSTRAINTS[code] ?? 'other' }
  }
  return { reason: UNREACHABLE_CLASSES.has(sqlClass) ? 'connection' : 'statement', message }
}
