import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process, so named that a later one with the same number is another. */
export interface Identity {
  readonly pid: number
  /** Boot and ticks since then on Linux; the time that ps prints elsewhere. */
  readonly started: string
}

const SUFFIX = '.pid'
const GRACE_MS = 15_000
const LOOK_EVERY_MS = 50

/** Who has this number now; undefined when nobody has, or only a dead one that nobody has waited for. */
export function identify(pid: number): Identity | undefined {
  const started = process.platform === 'linux' ? startedOnLinux(pid) : startedByPs(pid)
  return started === undefined ? undefined : { pid, started }
}

/** Written at once after the start: whoever kills the script leaves a name for the next start to find. */
export function writePidFile(folder: string, name: string, pid: number): void {
  const identity = identify(pid)
  if (identity === undefined) return
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, `${name}${SUFFIX}`), `${JSON.stringify(identity)}\n`, { mode: 0o600 })
}

export function removePidFile(folder: string, name: string): void {
  rmSync(join(folder, `${name}${SUFFIX}`), { force: true })
}

/**
 * Ends what an earlier start left running, and nothing else: number and start time must both be those of the file.
 * @returns names of those that were still there
 */
export async function endLeftovers(folder: string, graceMs = GRACE_MS): Promise<readonly string[]> {
  const ended: string[] = []
  for (const file of pidFiles(folder)) {
    const name = basename(file, SUFFIX)
    const left = readIdentity(join(folder, file))
    if (left !== undefined && isAlive(left)) {
      ended.push(name)
      await end(left, graceMs)
    }
    removePidFile(folder, name)
  }
  return ended
}

async function end(left: Identity, graceMs: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    // Looked at again in the same turn, so that the number cannot have changed hands.
    if (!isAlive(left)) return
    process.kill(left.pid, signal)
    const until = performance.now() + graceMs
    while (performance.now() < until) {
      if (!isAlive(left)) return
      await sleep(LOOK_EVERY_MS)
    }
  }
}

function isAlive({ pid, started }: Identity): boolean {
  return identify(pid)?.started === started
}

function pidFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(SUFFIX))
  } catch {
    return []
  }
}

function readIdentity(path: string): Identity | undefined {
  try {
    const { pid, started } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Identity>
    return Number.isSafeInteger(pid) && pid! > 1 && typeof started === 'string'
      ? { pid: pid!, started }
      : undefined
  } catch {
    return undefined
  }
}

/** proc_pid_stat(5): state is the first field after the name, starttime the twentieth. */
function startedOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${fields[19]}`
  } catch {
    return undefined
  }
}

function startedByPs(pid: number): string | undefined {
  try {
    const [state, ...lstart] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    })
      .trim()
      .split(/\s+/)
    return state === undefined || state.startsWith('Z') ? undefined : lstart.join(' ')
  } catch {
    return undefined
  }
}
