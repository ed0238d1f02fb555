import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataDirFrom } from '../../src/cli/data-dir.ts'
import { HOST } from './ports.ts'

/** A file with the token by which Alertmanager may call back an exporter that was there before. */
export interface Credentials {
  readonly file: string
  /** Whether the exporter takes it. */
  readonly state: 'taken' | 'refused'
}

/**
 * Finds the token that a running exporter takes from Alertmanager: that of the stack, if somebody has told it, else
 * the control token of this user's data directory.
 */
export async function findCredentials(port: number, ours: string): Promise<Credentials> {
  for (const file of [ours, join(dataDirFrom(undefined), 'control.token')]) {
    const token = readToken(file)
    if (token !== undefined && (await isTaken(port, token))) return { file, state: 'taken' }
  }
  return { file: ours, state: 'refused' }
}

/** An empty notification is refused as such (400) of whoever may send one, and as a stranger's (401, 403) of others. */
async function isTaken(port: number, token: string): Promise<boolean> {
  const answer = await fetch(`http://${HOST}:${port}/api/v1/alertmanager`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
    redirect: 'error',
  })
  await answer.arrayBuffer()
  return answer.status === 400
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}
