import { describe, expect, it } from 'vitest'
import {
  ConstraintError,
  postgresFailure,
  StoreUnavailable,
  sqliteFailure,
  toError,
} from '../../../../src/platform/store/failure.ts'

const sqlite = (errcode: number) => sqliteFailure(Object.assign(new Error('said SQLite'), { errcode }))
const postgres = (code: string, message = 'said PostgreSQL') =>
  postgresFailure(Object.assign(new Error(message), { code }))

describe('failures', () => {
  it.each([
    ['disk full', 13, 'full'],
    ['read-only', 8, 'readonly'],
    ['an extended I/O code', 4874, 'io'],
    ['locked by another process', 5, 'busy'],
    ['not a database', 26, 'damaged'],
    ['corrupt index', 779, 'damaged'],
    ['syntax error', 1, 'statement'],
  ])('of SQLite: %s', (_name, code, reason) => {
    expect(sqlite(code).reason).toBe(reason)
  })

  it.each([
    ['disk full', '53100', 'full'],
    ['hot standby', '25006', 'readonly'],
    ['shutting down', '57P01', 'connection'],
    ['too many connections', '53300', 'connection'],
    ['wrong password', '28P01', 'connection'],
    ['statement time-out', '57014', 'timeout'],
    ['deadlock', '40P01', 'busy'],
    ['syntax error', '42601', 'statement'],
    ['refused', 'ECONNREFUSED', 'connection'],
  ])('of PostgreSQL: %s', (_name, code, reason) => {
    expect(postgres(code).reason).toBe(reason)
  })

  it('of a lost or silent socket have no code', () => {
    expect(postgresFailure(new Error('Connection terminated unexpectedly')).reason).toBe('connection')
    expect(postgresFailure(new Error('Query read timeout')).reason).toBe('timeout')
  })

  it('become coded errors when the store is at fault, and constraint errors when the row is', () => {
    expect(toError(sqlite(13))).toBeInstanceOf(StoreUnavailable)
    expect(toError(sqlite(13))).toMatchObject({ code: 'AE_STORE_UNAVAILABLE', status: 503 })
    for (const failure of [sqlite(2067), sqlite(1555), postgres('23505')]) {
      expect(toError(failure)).toBeInstanceOf(ConstraintError)
      expect(toError(failure)).toMatchObject({ kind: 'unique' })
    }
    expect(toError(sqlite(1))).not.toBeInstanceOf(StoreUnavailable)
  })
})
