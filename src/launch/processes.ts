import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import type { AgentId, Incarnation } from '../agents/model.ts'
import { chase } from '../platform/proc/chase.ts'
import type { ProcessEntry, ProcessIdentity, ProcessKey } from '../platform/proc/process.ts'
import { readIdentity } from '../platform/proc/slow-read.ts'
import { createStatLine, parseStat, type StatLine } from '../platform/proc/stat.ts'

const ROOT = '/proc'
/** A stat line has about 300 bytes. */
const BUFFER_BYTES = 4096
const ZOMBIE = 0x5a
const DEAD = 0x58

const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
const stat = createStatLine()

function readStat(pid: number): StatLine | undefined {
  try {
    const descriptor = openSync(`${ROOT}/${pid}/stat`, 'r')
    try {
      const length = readSync(descriptor, buffer, 0, BUFFER_BYTES, 0)
      return parseStat(buffer, length, stat) ? stat : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}

/** A process of ours as it is now; `undefined` where there is no `/proc` or it was reaped already. */
export function readOwnEntry(pid: number): ProcessEntry | undefined {
  const line = readStat(pid)
  if (line === undefined) return undefined
  const { startTime, ppid, pgrp, session } = line
  return {
    pid,
    startTime: startTime!,
    ppid: ppid!,
    pgrp: pgrp!,
    session: session!,
    comm: 'sh',
    uid: process.getuid?.(),
  }
}

/**
 * Whether that very process runs. A zombie has ended, unless other threads of it go on (a leader that called
 * pthread_exit); whoever cannot be read counts as ended, so that nobody else is ever signalled.
 */
export function isRunning({ pid, startTime }: ProcessKey): boolean {
  const line = readStat(pid)
  if (line?.startTime !== startTime) return false
  return (line.state !== ZOMBIE && line.state !== DEAD) || (line.threads ?? 0) > 1
}

export function identifyOwn(key: ProcessKey): ProcessIdentity | 'gone' | 'unreadable' {
  return readIdentity(ROOT, key)
}

/** The whole command line, to be compared and never shown; empty when it cannot be read. */
export function commandLineOf({ pid }: ProcessKey): string {
  try {
    return readFileSync(`${ROOT}/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

/** Longer than the step of a relay that is worth the name; the command has ended, so this is all it costs. */
const OUTRUN_QUIET_MS = 10
const OUTRUN_MOST_MS = 200

/** Ends descendants that fork and exit, each in a session of its own, and are told by their marker alone. */
export function killOutrunners(of: {
  readonly id: AgentId
  readonly incarnation: Incarnation
  readonly root: ProcessEntry
}): readonly ProcessKey[] {
  const { id, incarnation, root } = of
  if (root.uid === undefined) return []
  const marks = { AGENT_EXPORTER_AGENT: id, AGENT_EXPORTER_INCARNATION: incarnation }
  return chase(
    { marks, since: root.startTime, uid: root.uid },
    {
      root: ROOT,
      quietMs: OUTRUN_QUIET_MS,
      mostMs: OUTRUN_MOST_MS,
      seize({ pid }) {
        try {
          process.kill(pid, 'SIGKILL')
          return true
        } catch {
          return false
        }
      },
    },
  )
}
