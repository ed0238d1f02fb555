import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { cleanText } from '../platform/text.ts'
import type { KillSwitchState } from './model.ts'

type Details = Omit<KillSwitchState, 'engaged'>

/** Anybody may have written the file: no more than this is read of it. */
const MAX_BYTES = 1_024

/** What the file says, for people who look at it. */
export function stopFileText({
  actor,
  reason,
  sinceMs,
}: Required<Pick<Details, 'actor' | 'sinceMs'>> & Details) {
  const lines = [`at ${new Date(sinceMs).toISOString()}`, `by ${cleanText(actor)}`]
  if (reason !== undefined) lines.push(`because ${cleanText(reason, MAX_BYTES / 2)}`)
  return `${lines.join('\n')}\n`
}

/** What is known of a file that engages the switch; a file that somebody just touched has its time only. */
export function readStopFile(path: string): Details {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return {}
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return {}
    const buffer = Buffer.alloc(MAX_BYTES)
    return parseStopFile(buffer.toString('utf8', 0, readSync(fd, buffer)), stat.mtimeMs)
  } catch {
    return {}
  } finally {
    closeSync(fd)
  }
}

function parseStopFile(text: string, changedAtMs: number): Details {
  const value = (word: string): string | undefined => {
    const line = text.split('\n').find((one) => one.startsWith(`${word} `))
    return line === undefined ? undefined : cleanText(line.slice(word.length + 1), MAX_BYTES)
  }
  const actor = value('by')
  const reason = value('because')
  const at = Date.parse(value('at') ?? '')
  return {
    ...(actor === undefined ? {} : { actor }),
    ...(reason === undefined ? {} : { reason }),
    sinceMs: Number.isNaN(at) ? Math.floor(changedAtMs) : at,
  }
}
