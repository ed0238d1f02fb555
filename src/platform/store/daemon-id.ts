import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The name of this daemon in tables that several hosts share, kept in `daemon.id` so that it survives a
 * quarantined database. A missing or unreadable file gets a new one: the rows of the old name stay, under it.
 */
export function readDaemonId(dataDir: string): string {
  const path = join(dataDir, 'daemon.id')
  try {
    const text = readFileSync(path, 'utf8').trim()
    if (UUID.test(text)) return text
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const id = randomUUID()
  // Written aside, synced, renamed: after a power cut the file is whole or absent, never empty.
  const aside = `${path}.${process.pid}`
  const fd = openSync(aside, 'w', 0o600)
  try {
    writeSync(fd, `${id}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(aside, path)
  return id
}
