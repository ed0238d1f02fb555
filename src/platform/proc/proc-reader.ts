import { readdirSync, statfsSync, statSync } from 'node:fs'
import { isIdleSince, rememberActivity } from './activity.ts'
import { cachedComm } from './comm.ts'
import {
  createDescriptorCache,
  DENIED,
  type DescriptorCache,
  descriptorBudget,
  GONE,
  type HotFile,
  type KeptProcess,
} from './descriptors.ts'
import { createIoLines, parseIo } from './io.ts'
import { openFileLimit, readKernelFacts } from './kernel-facts.ts'
import {
  clearProcessSample,
  type DescriptorUse,
  type ProcessKey,
  type ProcessReader,
  type ProcessSample,
  type ReadDepth,
  type ReadOutcome,
} from './process.ts'
import { createStatLine, parseStat } from './stat.ts'
import { parseStatus, type StatusLines } from './status.ts'

/** A status line set is about 1.5 KB; only thousands of supplementary groups make it larger. */
const FIRST_BUFFER_BYTES = 8 * 1024
const LARGEST_BUFFER_BYTES = 1024 * 1024

/** Permission seldom comes back (setuid exec, dumpable): ask again once a minute, not at every tick. */
const DENIED_RETRY_MS = 60_000

/** At ticks too, `status` of a process that did nothing is read this often: memory can be reclaimed behind its back. */
const STATUS_MAX_AGE_MS = 10_000

const ZOMBIE = 0x5a

/** State letters as strings that exist already. */
const STATES: readonly string[] = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code))

export interface ProcReaderOptions {
  readonly root?: string
  /** Descriptors to keep open; default `min(8000, half of RLIMIT_NOFILE)`. */
  readonly descriptorBudget?: number
  readonly clockTicks?: number
  /** How long the `status` of an idle process stands for core reads; 0 reads it every time. */
  readonly statusMaxAgeMs?: number
  /** Monotonic milliseconds. */
  readonly monotonic?: () => number
}

export interface ProcReader extends ProcessReader {
  readonly kind: 'proc'
  descriptors(): DescriptorUse
}

/**
 * The Linux reader: `/proc/<pid>/{stat,status,io}` through kept descriptors and the size of `/proc/<pid>/fd`.
 * What is opened by path is read before `stat`, and `stat` is checked after it: as long as it shows the start time
 * of the key, the number was not recycled in between. A core read (a tick)
 * asks for `status` again only when the process did something; a full read (a scrape) always does.
 */
export function createProcReader(options: ProcReaderOptions = {}): ProcReader {
  const root = options.root ?? '/proc'
  const statusMaxAgeMs = options.statusMaxAgeMs ?? STATUS_MAX_AGE_MS
  const monotonic = options.monotonic ?? (() => performance.now())
  const ticksPerSecond = options.clockTicks ?? readKernelFacts(root).clockTicks
  const cache = createDescriptorCache({
    root,
    budget: options.descriptorBudget ?? descriptorBudget(openFileLimit(root)),
  })
  const countFds = fdSizeIsCount(root) ? fdCountFromSize : fdCountFromListing
  const stat = createStatLine()
  const io = createIoLines()
  let buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES)

  function readWhole(process: KeptProcess, file: HotFile): number {
    for (;;) {
      const length = cache.read(process, file, buffer)
      if (length < buffer.length || buffer.length >= LARGEST_BUFFER_BYTES) return length
      buffer = Buffer.allocUnsafeSlow(buffer.length * 2)
    }
  }

  function readIo(process: KeptProcess, now: number, into: ProcessSample): boolean {
    if (now < process.ioRetryAt) return false
    const length = readWhole(process, 'io')
    if (length === DENIED) process.ioRetryAt = now + DENIED_RETRY_MS
    if (length <= 0) return false
    parseIo(buffer, length, io)
    into.ioReadBytes = io.readBytes
    into.ioWriteBytes = io.writeBytes
    return true
  }

  /** Reads `status` anew; what it says stands until `stat` shows that the process did something. */
  function readStatus(process: KeptProcess, now: number): void {
    const length = readWhole(process, 'status')
    parseStatus(buffer, Math.max(0, length), process.statusLines, process.statusPlaces)
    process.statusReadAt = length > 0 ? now : Number.NEGATIVE_INFINITY
  }

  function readStat(process: KeptProcess, into: ProcessSample): ReadOutcome {
    const length = readWhole(process, 'stat')
    if (length === GONE) return 'gone'
    if (length <= 0 || !parseStat(buffer, length, stat)) return 'unreadable'
    if (stat.startTime !== process.startTime) return 'gone'
    into.state = STATES[stat.state!] ?? '?'
    into.comm = cachedComm(process.comm, buffer, stat.commStart, stat.commEnd)
    into.ppid = stat.ppid!
    into.pgrp = stat.pgrp!
    into.session = stat.session!
    into.threads = stat.threads
    into.userSeconds = stat.userTicks! / ticksPerSecond
    into.systemSeconds = stat.systemTicks! / ticksPerSecond
    into.cpuSeconds = (stat.userTicks! + stat.systemTicks!) / ticksPerSecond
    into.childUserSeconds = stat.childUserTicks! / ticksPerSecond
    into.childSystemSeconds = stat.childSystemTicks! / ticksPerSecond
    return 'ok'
  }

  return {
    kind: 'proc',
    read(key: ProcessKey, depth: ReadDepth, into: ProcessSample): ReadOutcome {
      clearProcessSample(into)
      const now = monotonic()
      const process = cache.enter(key.pid, key.startTime, now)
      let mayInspect = false
      if (depth === 'full') {
        mayInspect = readIo(process, now, into)
        into.openFds = countFds(process, now)
      }
      // By path it must be read before stat vouches for the number; an open one is bound to the process anyway.
      const readFirst = process.status === -1
      if (readFirst) readStatus(process, now)
      const outcome = readStat(process, into)
      if (outcome !== 'ok') {
        // What was opened by path may belong to another process: nothing of it is kept or told.
        clearProcessSample(into)
        if (outcome === 'gone') cache.forget(key.pid, key.startTime)
        else cache.closeFiles(process)
        return outcome
      }
      const stands =
        depth === 'core' && now - process.statusReadAt < statusMaxAgeMs && isIdleSince(process.activity, stat)
      if (!readFirst && !stands) readStatus(process, now)
      if (readFirst || !stands) rememberActivity(stat, process.activity)
      fillFromStatus(process.statusLines, into)
      if (stat.state === ZOMBIE) {
        // A zombie's table is gone. Its wait status shows 0 to those who may not inspect it, so only a
        // process whose `io` (same check in the kernel, ptrace_may_access) answered is believed.
        into.openFds = undefined
        if (mayInspect) into.exitStatus = stat.exitStatus
      }
      return 'ok'
    },
    forget(key) {
      cache.forget(key.pid, key.startTime)
    },
    close() {
      cache.close()
    },
    descriptors: () => descriptorUse(cache),
  }
}

function fillFromStatus(lines: StatusLines, into: ProcessSample): void {
  into.rssBytes = lines.rssBytes
  into.rssAnonBytes = lines.rssAnonBytes
  into.rssPeakBytes = lines.rssPeakBytes
  into.swapBytes = lines.swapBytes
  into.voluntarySwitches = lines.voluntarySwitches
  into.involuntarySwitches = lines.involuntarySwitches
}

function descriptorUse(cache: DescriptorCache): DescriptorUse {
  return { open: cache.open, budget: cache.budget }
}

/** `include/uapi/linux/magic.h`; any other file system under `root` is a copy, whose sizes mean nothing. */
const PROC_SUPER_MAGIC = 0x9fa0

const WITHOUT_THROWING = { throwIfNoEntry: false } as const

/** Since Linux 6.2 the size of `/proc/<pid>/fd` is the number of open descriptors; before it is always 0. */
function fdSizeIsCount(root: string): boolean {
  try {
    return statfsSync(root).type === PROC_SUPER_MAGIC && statSync(`${root}/self/fd`).size > 0
  } catch {
    return false
  }
}

function fdCountFromSize(process: KeptProcess, now: number): number | undefined {
  if (now < process.fdsRetryAt) return undefined
  try {
    return statSync(`${process.directory}/fd`, WITHOUT_THROWING)?.size
  } catch {
    process.fdsRetryAt = now + DENIED_RETRY_MS
    return undefined
  }
}

function fdCountFromListing(process: KeptProcess, now: number): number | undefined {
  if (now < process.fdsRetryAt) return undefined
  try {
    return readdirSync(`${process.directory}/fd`).length
  } catch {
    process.fdsRetryAt = now + DENIED_RETRY_MS
    return undefined
  }
}
