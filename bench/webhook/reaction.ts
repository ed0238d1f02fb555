import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { ActingDaemon } from '../../test/support/acting-daemon.ts'
import { alertBody, notificationOf, type Target, tell } from './load.ts'

export interface Reaction {
  /** Sent until answered. */
  readonly acknowledgedMs: number
  /** Sent until nothing of it ran any more, by /proc. */
  readonly stoppedMs: number
  /** Sent until the journal says verified. */
  readonly verifiedMs: number
  readonly fault: string | undefined
}

export interface Victim {
  readonly id: string
  readonly pid: number
}

const LOOK_EVERY_MS = 1
const GIVE_UP_MS = 10_000

/** Whether all threads of the process and of its children stand still. */
function standsStill(pid: number): boolean {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return [String(pid), ...children].every((one) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8')
    return stat[stat.lastIndexOf(')') + 2] === 'T'
  })
}

/** Tells that an alert about it fires, and looks until it stands still and the journal says so. */
export async function react(
  daemon: ActingDaemon,
  target: Target,
  { id, pid }: Victim,
  alertname: string,
): Promise<Reaction> {
  const alert = alertBody({ alertname, agent: id }, pid, new Date().toISOString())
  const body = notificationOf([alert])
  const from = performance.now()
  let acknowledgedMs = Number.NaN
  const told = tell(target, body).then(({ ms, answer }) => {
    acknowledgedMs = ms
    return answer
  })
  let stoppedMs: number | undefined
  let line: Awaited<ReturnType<ActingDaemon['journal']>>[number] | undefined
  while (performance.now() - from < GIVE_UP_MS) {
    await delay(LOOK_EVERY_MS)
    if (stoppedMs === undefined) {
      if (standsStill(pid)) stoppedMs = performance.now() - from
      continue
    }
    line = (await daemon.journal(id))[0]
    if (line !== undefined && line.status !== 'intended') break
  }
  const verifiedMs = performance.now() - from
  const answer = await told
  line ??= (await daemon.journal(id))[0]
  const isDone = stoppedMs !== undefined && line?.status === 'done' && line.trigger === 'alert'
  const fault = isDone ? undefined : JSON.stringify({ id, answer, line: line ?? null })
  return { acknowledgedMs, stoppedMs: stoppedMs ?? Infinity, verifiedMs, fault }
}
