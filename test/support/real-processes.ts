import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { eventually } from './child.ts'

const MIB = 1024 * 1024

/** Shapes of processes a reader must get right; each prints `ready` when it has taken its shape. */
const SHAPES = {
  idle: ['sh', '-c', 'echo ready; exec sleep 300'],
  burning: ['sh', '-c', 'echo ready; while :; do :; done'],
  resident300: [
    process.execPath,
    '-e',
    `globalThis.b = Buffer.alloc(${300 * MIB}, 1); console.log('ready'); setInterval(() => b[0]++, 1000)`,
  ],
  threads20: [
    process.execPath,
    '-e',
    "const c = require('node:crypto'); for (let i = 0; i < 20; i++) c.pbkdf2('a', 'b', 1000, 32, 'sha512', () => {}); setTimeout(() => console.log('ready'), 300); setInterval(() => {}, 1000)",
  ],
  // The shell becomes a sleep that never waits for the child it was given.
  zombieParent: ['sh', '-c', '(sleep 0.3; exit 7) & echo ready; exec sleep 300'],
} as const

/** What a shell of that shape becomes after it has spoken. */
const BECOMES: Partial<Record<Shape, string>> = { idle: 'sleep', zombieParent: 'sleep' }

export type Shape = keyof typeof SHAPES

export interface RealProcess {
  readonly pid: number
  readonly child: ChildProcess
  end(): Promise<void>
}

export async function startProcess(shape: Shape): Promise<RealProcess> {
  const [program, ...rest] = SHAPES[shape]
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '20' },
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`${shape} ended at once`)))
  })
  const pid = child.pid!
  const name = BECOMES[shape]
  if (name !== undefined) {
    await eventually(`${shape} is ${name}`, () => {
      return readFileSync(`/proc/${pid}/comm`, 'latin1').trim() === name || undefined
    })
  }
  return {
    pid,
    child,
    async end() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

export interface Truth {
  readonly startTime: number
  readonly ppid: number
  readonly state: string
  readonly cpuTicks: number
  readonly threads: number
  readonly rssBytes: number | undefined
  readonly swapBytes: number | undefined
  readonly peakBytes: number | undefined
  readonly readBytes: number
  readonly writeBytes: number
  readonly fds: number
}

/** What `/proc` says, read in the plainest way there is. */
export function truthOf(pid: number): Truth {
  const text = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'latin1')
  const stat = text('stat')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const kb = (key: string) => {
    const found = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text('status'))?.[1]
    return found === undefined ? undefined : Number(found) * 1024
  }
  const io = (key: string) => Number(new RegExp(`^${key}: (\\d+)`, 'm').exec(text('io'))?.[1])
  return {
    state: fields[0]!,
    ppid: Number(fields[1]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    threads: Number(fields[17]),
    startTime: Number(fields[19]),
    rssBytes: kb('VmRSS'),
    swapBytes: kb('VmSwap'),
    peakBytes: kb('VmHWM'),
    readBytes: io('read_bytes'),
    writeBytes: io('write_bytes'),
    fds: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** The zombie a `zombieParent` has, once its child ended. */
export async function zombieOf(parent: number): Promise<number> {
  return eventually(`process ${parent} has a zombie`, () => {
    const child = childrenOf(parent)[0]
    return child !== undefined && truthOf(child).state === 'Z' ? child : undefined
  })
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
        return Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]) === pid
      } catch {
        return false
      }
    })
    .map(Number)
}
