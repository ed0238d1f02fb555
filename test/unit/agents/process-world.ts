import type {
  ProcessChanges,
  ProcessEntry,
  ProcessKey,
  ProcessReader,
  ProcessSample,
  ProcessTable,
  ReadDepth,
  ReadOutcome,
} from '../../../src/platform/proc/process.ts'

/** One process of the simulated kernel. Numbers are in whole units so that sums are exact. */
export interface SimulatedProcess {
  readonly pid: number
  readonly startTime: number
  ppid: number
  pgrp: number
  session: number
  comm: string
  uid: number
  state: string
  own: number
  waited: number
  /** Bytes as /proc/<pid>/io shows them: own and those of reaped children in one number. */
  io: number
  readable: boolean
}

/** What a process has when a test does not say otherwise. */
export const RSS = 1_000

/**
 * A kernel small enough to be checked by eye: fork, exec, exit, wait, re-parenting to init or to a subreaper. Ends
 * are immediate: exit and the parent's wait are one event, as they are for anything that samples.
 */
export interface ProcessWorld {
  readonly processes: ReadonlyMap<number, SimulatedProcess>
  /** `reset`: everything is new to whoever looks next, as after a restart. */
  readonly table: Omit<ProcessTable, 'refresh'> & { refresh(): ProcessChanges; reset(): void }
  readonly reader: ProcessReader & { readonly forgotten: number; reads: number }
  spawn(options?: Partial<SimulatedProcess>): SimulatedProcess
  fork(parent: SimulatedProcess): SimulatedProcess
  setsid(process: SimulatedProcess): void
  burn(process: SimulatedProcess, amount: number): void
  write(process: SimulatedProcess, bytes: number): void
  exit(process: SimulatedProcess): void
  /** From now on orphans below this process become its children instead of init's. */
  subreaper(process: SimulatedProcess): void
  exec(process: SimulatedProcess, comm: string): void
}

export function createProcessWorld(options: { readonly reuse?: true } = {}): ProcessWorld {
  const processes = new Map<number, SimulatedProcess>()
  const subreapers = new Set<SimulatedProcess>()
  const known = new Map<number, ProcessEntry>()
  const free: number[] = []
  let nextPid = 100
  let ticks = 1_000
  let forgotten = 0

  function add(options: Partial<SimulatedProcess>): SimulatedProcess {
    const pid = options.pid ?? pidFor()
    const made: SimulatedProcess = {
      pid,
      startTime: ticks++,
      ppid: 1,
      pgrp: pid,
      session: pid,
      comm: 'sh',
      uid: 1000,
      state: 'S',
      own: 0,
      waited: 0,
      io: 0,
      readable: true,
      ...options,
    }
    processes.set(pid, made)
    return made
  }

  /** A number is free again only when no group and no session bears it (pid(7): alloc_pid, PIDTYPE_SID). */
  function pidFor(): number {
    if (options.reuse) {
      for (const [at, pid] of free.entries()) {
        const inUse = [...processes.values()].some((p) => p.pgrp === pid || p.session === pid)
        if (!inUse) {
          free.splice(at, 1)
          return pid
        }
      }
    }
    return nextPid++
  }

  function reaperOf(process: SimulatedProcess): number {
    let at = processes.get(process.ppid)
    while (at !== undefined) {
      if (subreapers.has(at)) return at.pid
      at = processes.get(at.ppid)
    }
    return 1
  }

  function entryOf(p: SimulatedProcess): ProcessEntry {
    const { pid, startTime, ppid, pgrp, session, comm, uid } = p
    return { pid, startTime, ppid, pgrp, session, comm, uid }
  }

  const reader = {
    kind: 'proc' as const,
    reads: 0,
    get forgotten() {
      return forgotten
    },
    read(key: ProcessKey, depth: ReadDepth, into: ProcessSample): ReadOutcome {
      reader.reads++
      const p = processes.get(key.pid)
      if (p === undefined || p.startTime !== key.startTime) return 'gone'
      if (!p.readable) return 'unreadable'
      const full = depth === 'full'
      Object.assign(into, {
        ppid: p.ppid,
        pgrp: p.pgrp,
        session: p.session,
        state: p.state,
        comm: p.comm,
        userSeconds: p.own,
        systemSeconds: 0,
        childUserSeconds: p.waited,
        childSystemSeconds: 0,
        threads: 1,
        rssBytes: RSS,
        rssAnonBytes: RSS / 2,
        rssPeakBytes: RSS,
        swapBytes: 0,
        voluntarySwitches: p.own,
        involuntarySwitches: 0,
        ioReadBytes: full ? 0 : undefined,
        ioWriteBytes: full ? p.io : undefined,
        openFds: full ? 3 : undefined,
      } satisfies ProcessSample)
      return 'ok'
    },
    forget() {
      forgotten++
    },
    close() {},
  }

  return {
    processes,
    reader,
    table: {
      get: (pid) => known.get(pid),
      uidNow: (pid) => processes.get(pid)?.uid,
      entries: () => known.values(),
      reset: () => known.clear(),
      refresh(): ProcessChanges {
        const appeared: ProcessEntry[] = []
        const renamed: ProcessEntry[] = []
        const vanished: ProcessKey[] = []
        for (const [pid, entry] of known) {
          const p = processes.get(pid)
          if (p?.startTime === entry.startTime) continue
          known.delete(pid)
          vanished.push(entry)
        }
        for (const p of processes.values()) {
          const before = known.get(p.pid)
          if (before !== undefined && before.comm === p.comm) continue
          const entry = entryOf(p)
          known.set(p.pid, entry)
          if (before === undefined) appeared.push(entry)
          else renamed.push(entry)
        }
        return { appeared, renamed, vanished }
      },
    },
    spawn: (options = {}) => add(options),
    fork: (parent) =>
      add({
        ppid: parent.pid,
        pgrp: parent.pgrp,
        session: parent.session,
        comm: parent.comm,
        uid: parent.uid,
      }),
    setsid(p) {
      p.session = p.pid
      p.pgrp = p.pid
    },
    burn(p, amount) {
      p.own += amount
    },
    write(p, bytes) {
      p.io += bytes
    },
    exec(p, comm) {
      p.comm = comm
    },
    subreaper: (p) => void subreapers.add(p),
    exit(p) {
      processes.delete(p.pid)
      free.push(p.pid)
      const parent = processes.get(p.ppid)
      if (parent !== undefined) {
        parent.waited += p.own + p.waited
        parent.io += p.io
      }
      const reaper = reaperOf(p)
      for (const child of processes.values()) if (child.ppid === p.pid) child.ppid = reaper
      subreapers.delete(p)
    },
  }
}
