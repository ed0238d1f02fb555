// What one sweep over N processes costs us, and what it costs prometheus-process-exporter, in the same run.
//
//   npm run bench:sweep            prints one JSON line for 100, 1,000 and 2,000 processes
//   npm run bench:sweep -- 500     for other numbers
//
// The same real processes for both: small programs that sleep. CPU is user plus system time of the program that
// measures: ours by getrusage around the sweeps, theirs by /proc/<pid>/stat around the scrapes. The peer runs twice:
// as Debian ships it (per-thread series, smaps) and with both switched off, which is about the set we read. Both sides
// take turns, and the cheapest turn of each counts: what else the machine does can only add to a turn.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readKernelFacts } from '../src/platform/proc/kernel-facts.ts'
import { createProcReader } from '../src/platform/proc/proc-reader.ts'
import {
  createProcessSample,
  type ProcessKey,
  type ProcessReader,
  type ReadDepth,
} from '../src/platform/proc/process.ts'
import { createProcessTable } from '../src/platform/proc/process-table.ts'
import { findService, INSTALL_COMMAND } from '../test/support/services.ts'

const NAME = 'sweepbench'
const TURNS = 6
const WARM_UP = 5
const SWEEPS_PER_TURN = 10
/** Their CPU is counted in ticks of 10 ms: enough scrapes that one tick is a few percent. */
const SCRAPES_PER_TURN = (count: number) => Math.max(2, Math.ceil(800 / count))
/** Required: at least this many times less CPU than the peer, and at most this much per process. */
const LEAST_RATIO = 20
const MOST_MICROSECONDS = 20

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const { clockTicks } = readKernelFacts()
const sample = createProcessSample()

const folder = mkdtempSync(join(tmpdir(), 'sweep-'))
try {
  const numbers = process.argv.slice(2).map(Number)
  for (const count of numbers.length > 0 ? numbers : [100, 1_000, 2_000]) {
    console.log(JSON.stringify(await measure(count)))
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function measure(count: number): Promise<object> {
  const children = await startProcesses(count)
  const peers = [await startPeer([]), await startPeer(['-threads=false', '-gather-smaps=false'])]
  // At ticks the daemon does not ask an idle process for its status; the other reader asks every time.
  const everything = createProcReader({ statusMaxAgeMs: 0 })
  const daemon = createProcReader()
  try {
    const keys = keysOf(children)
    const floor = systemCalls(keys)
    const least = {
      full: Infinity,
      core: Infinity,
      idleCore: Infinity,
      floor: Infinity,
      peer: Infinity,
      lean: Infinity,
    }
    for (let turn = 0; turn < TURNS; turn++) {
      least.peer = Math.min(least.peer, await scrapeCost(peers[0], SCRAPES_PER_TURN(count)))
      least.full = Math.min(
        least.full,
        cpuSecondsOfCall(() => sweep(everything, keys, 'full')),
      )
      least.core = Math.min(
        least.core,
        cpuSecondsOfCall(() => sweep(everything, keys, 'core')),
      )
      least.idleCore = Math.min(
        least.idleCore,
        cpuSecondsOfCall(() => sweep(daemon, keys, 'core')),
      )
      least.floor = Math.min(least.floor, cpuSecondsOfCall(floor.run))
      least.lean = Math.min(least.lean, await scrapeCost(peers[1], SCRAPES_PER_TURN(count)))
    }
    floor.close()
    const each = (seconds: number) => round((seconds / count) * 1e6)
    const installed = peers[0] !== undefined
    const ratio = installed ? round(least.peer / least.full) : undefined
    return {
      bench: 'sweep',
      processes: count,
      fullMicrosecondsPerProcess: each(least.full),
      coreMicrosecondsPerProcess: each(least.core),
      idleCoreMicrosecondsPerProcess: each(least.idleCore),
      systemCallsMicrosecondsPerProcess: each(least.floor),
      secondsPerFullSweep: round(least.full, 4),
      processExporterSecondsPerScrape: installed ? round(least.peer, 4) : `not installed: ${INSTALL_COMMAND}`,
      processExporterLeanSecondsPerScrape: installed ? round(least.lean, 4) : undefined,
      ratio,
      ratioLean: installed ? round(least.lean / least.full) : undefined,
      required: { ratio: LEAST_RATIO, microsecondsPerProcess: MOST_MICROSECONDS },
      holds: each(least.full) <= MOST_MICROSECONDS && (ratio === undefined || ratio >= LEAST_RATIO),
    }
  } finally {
    everything.close()
    daemon.close()
    for (const peer of peers) peer?.child.kill('SIGKILL')
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))))
  }
}

async function startProcesses(count: number): Promise<ChildProcess[]> {
  const program = join(folder, NAME)
  // A busybox is statically linked: 2,000 of them share one small file.
  copyFileSync(findService('busybox') ?? '/bin/sleep', program)
  const children: ChildProcess[] = []
  for (let i = 0; i < count; i++) children.push(spawn(program, ['3600'], { argv0: 'sleep', stdio: 'ignore' }))
  await sleep(2_000)
  return children
}

function keysOf(children: readonly ChildProcess[]): ProcessKey[] {
  const table = createProcessTable()
  table.refresh()
  return children.map((child) => {
    const entry = table.get(child.pid!)
    if (entry?.comm !== NAME) throw new Error(`process ${child.pid} is not there`)
    return { pid: entry.pid, startTime: entry.startTime }
  })
}

function sweep(reader: ProcessReader, keys: readonly ProcessKey[], depth: ReadDepth): void {
  for (const key of keys) {
    if (reader.read(key, depth, sample) !== 'ok' || sample.rssBytes === undefined)
      throw new Error(`process ${key.pid} was not read`)
  }
}

/** The same four system calls through Node without any of our code: what no reader in Node can undercut. */
function systemCalls(keys: readonly ProcessKey[]): { run: () => void; close: () => void } {
  const buffer = Buffer.allocUnsafeSlow(8192)
  const open = (pid: number, file: string) => openSync(`/proc/${pid}/${file}`, 'r')
  const sets = keys.map(({ pid }) => ({
    files: ['io', 'status', 'stat'].map((file) => open(pid, file)),
    folder: `/proc/${pid}/fd`,
  }))
  return {
    run() {
      for (const { files, folder } of sets) {
        statSync(folder)
        for (const file of files) readSync(file, buffer, 0, buffer.length, 0)
      }
    },
    close() {
      for (const { files } of sets) for (const file of files) closeSync(file)
    },
  }
}

/** CPU seconds of one call, the mean of a turn. */
function cpuSecondsOfCall(run: () => void): number {
  for (let i = 0; i < WARM_UP; i++) run()
  const before = process.cpuUsage()
  for (let i = 0; i < SWEEPS_PER_TURN; i++) run()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1e-6) / SWEEPS_PER_TURN
}

interface Peer {
  readonly child: ChildProcess
  readonly address: string
}

/** The peer with these flags, once it shows the processes; `undefined` when it is not installed. */
async function startPeer(flags: readonly string[]): Promise<Peer | undefined> {
  const program = findService('prometheus-process-exporter')
  if (program === undefined) return undefined
  const config = join(folder, 'peer.yml')
  writeFileSync(config, `process_names:\n  - name: "{{.Comm}}"\n    comm: [${NAME}]\n`)
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(program, [`-config.path=${config}`, `-web.listen-address=${address}`, ...flags], {
    stdio: 'ignore',
  })
  for (let i = 0; i < 2; i++) await scrape(address)
  return { child, address }
}

/** CPU seconds of one scrape of the peer, the mean of a turn. */
async function scrapeCost(peer: Peer | undefined, scrapes: number): Promise<number> {
  if (peer === undefined) return Infinity
  const before = cpuSecondsOf(peer.child.pid!)
  for (let i = 0; i < scrapes; i++) await scrape(peer.address)
  return (cpuSecondsOf(peer.child.pid!) - before) / scrapes
}

async function scrape(address: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const text = await fetch(`http://${address}/metrics`).then(
      (response) => response.text(),
      () => undefined,
    )
    if (text?.includes(`groupname="${NAME}"`)) return
    await sleep(100)
  }
  throw new Error('the peer does not show the processes')
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / clockTicks
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits))
}
