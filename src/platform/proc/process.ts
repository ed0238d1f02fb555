/**
 * One process in time: the number alone is recycled by the kernel, number and start time are not.
 * `startTime` is field 22 of `/proc/<pid>/stat` in clock ticks since boot (proc_pid_stat(5)).
 */
export interface ProcessKey {
  readonly pid: number
  readonly startTime: number
}

/** What the process table knows of every process of the host: one line of `/proc/<pid>/stat`. */
export interface ProcessEntry extends ProcessKey {
  readonly ppid: number
  readonly pgrp: number
  readonly session: number
  /** Name as the kernel keeps it (15 bytes), control characters replaced. */
  readonly comm: string
  /** Real uid of the process, absent when `/proc/<pid>` could not be looked at. */
  readonly uid: number | undefined
  /** It has ended with all its threads, and its parent has not waited for it. */
  readonly ended?: true
}

/**
 * The hot facts of one process. `undefined` = not read (no permission, kernel thread, zombie, no such file).
 * Counters are the process's own and start at its birth.
 */
export interface ProcessSample {
  ppid: number
  pgrp: number
  session: number
  /** R, S, D, T, t, Z, X, I as in proc_pid_stat(5). */
  state: string
  comm: string
  userSeconds: number | undefined
  systemSeconds: number | undefined
  /** User and system together; the only CPU number of a reader that cannot tell them apart (pidusage). */
  cpuSeconds?: number | undefined
  /** CPU of children this process has waited for (cutime, cstime). */
  childUserSeconds: number | undefined
  childSystemSeconds: number | undefined
  threads: number | undefined
  rssBytes: number | undefined
  rssAnonBytes: number | undefined
  rssPeakBytes: number | undefined
  swapBytes: number | undefined
  /** Of the thread-group leader only: the kernel has no sum over threads in one file. */
  voluntarySwitches: number | undefined
  involuntarySwitches: number | undefined
  ioReadBytes: number | undefined
  ioWriteBytes: number | undefined
  openFds: number | undefined
  /**
   * Wait status of a zombie (code << 8, or the signal in the low 7 bits), where this process may read it.
   * Depth `full` only.
   */
  exitStatus?: number | undefined
}

/** An empty sample, to be filled by `ProcessReader.read` again and again. */
export function createProcessSample(): ProcessSample {
  return {
    ppid: 0,
    pgrp: 0,
    session: 0,
    state: '?',
    comm: '',
    userSeconds: undefined,
    systemSeconds: undefined,
    cpuSeconds: undefined,
    childUserSeconds: undefined,
    childSystemSeconds: undefined,
    threads: undefined,
    rssBytes: undefined,
    rssAnonBytes: undefined,
    rssPeakBytes: undefined,
    swapBytes: undefined,
    voluntarySwitches: undefined,
    involuntarySwitches: undefined,
    ioReadBytes: undefined,
    ioWriteBytes: undefined,
    openFds: undefined,
    exitStatus: undefined,
  }
}

/** Forgets everything a sample said, so that nothing of the last read can be mistaken for this one. */
export function clearProcessSample(sample: ProcessSample): void {
  sample.ppid = 0
  sample.pgrp = 0
  sample.session = 0
  sample.state = '?'
  sample.comm = ''
  sample.userSeconds = undefined
  sample.systemSeconds = undefined
  sample.cpuSeconds = undefined
  sample.childUserSeconds = undefined
  sample.childSystemSeconds = undefined
  sample.threads = undefined
  sample.rssBytes = undefined
  sample.rssAnonBytes = undefined
  sample.rssPeakBytes = undefined
  sample.swapBytes = undefined
  sample.voluntarySwitches = undefined
  sample.involuntarySwitches = undefined
  sample.ioReadBytes = undefined
  sample.ioWriteBytes = undefined
  sample.openFds = undefined
  sample.exitStatus = undefined
}

/** `gone`: it ended (ESRCH, or another start time). `unreadable`: it lives, but this read failed. */
export type ReadOutcome = 'ok' | 'gone' | 'unreadable'

/** `core`: stat and status, enough for judging at every tick. `full`: also io and descriptors, for a scrape. */
export type ReadDepth = 'core' | 'full'

/** The hot lane: synchronous, nothing that takes the target's mmap lock. One implementation per source. */
export interface ProcessReader {
  readonly kind: 'proc' | 'pidusage'
  /** Fetches ahead for readers that can only do so asynchronously. */
  prepare?(keys: readonly ProcessKey[]): Promise<void>
  /** Fills `into` completely: what could not be read becomes `undefined`, never the value of the last read. */
  read(key: ProcessKey, depth: ReadDepth, into: ProcessSample): ReadOutcome
  /** Gives back what is kept open for this process. */
  forget(key: ProcessKey): void
  close(): void
}

/** What the readers have open and could not open, for `doctor` and the exporter's own families. */
export interface DescriptorUse {
  readonly open: number
  readonly budget: number
}

/** All processes of the host, kept up to date by cheap passes: only what is new or changed is read. */
export interface ProcessTable {
  refresh(): Promise<ProcessChanges> | ProcessChanges
  get(pid: number): ProcessEntry | undefined
  entries(): Iterable<ProcessEntry>
  /** Whether the kernel still knows a process group of this number, with members seen or not. Absent: it cannot be asked. */
  groupLives?(pgrp: number): boolean
  /** The real uid this moment; undefined when it cannot be read. Absent: nothing newer than the entry is to be had. */
  uidNow?(pid: number): number | undefined
}

/**
 * The entry with the uid of this moment. Between fork and exec a process becomes another user's, and one that was
 * listed by then and identified later would have the environment of the one and the uid of the other.
 */
export function withUidNow(table: Pick<ProcessTable, 'uidNow'>, entry: ProcessEntry): ProcessEntry {
  return table.uidNow === undefined ? entry : { ...entry, uid: table.uidNow(entry.pid) }
}

export interface ProcessChanges {
  readonly appeared: readonly ProcessEntry[]
  /** Same process, other `comm`: it called exec and must be identified again. */
  readonly renamed: readonly ProcessEntry[]
  readonly vanished: readonly ProcessKey[]
}

/** What identifies an agent. Read in the slow lane because these files take the target's mmap lock. */
export interface ProcessIdentity {
  /** Arguments reduced at the reader: basenames only for paths, see `reduceArgv`. */
  readonly argv: readonly string[]
  /** Only variables that begin with `AGENT_EXPORTER_`. */
  readonly environment: Readonly<Record<string, string>>
  /** Absolute path of the working directory, absent when not readable. */
  readonly cwd: string | undefined
}

/** Files that can hang: read in a worker under a watchdog. `hung` processes are skipped and counted. */
export interface SlowLane {
  identify(key: ProcessKey): Promise<ProcessIdentity | 'gone' | 'unreadable' | 'hung'>
  /** Proportional set size (smaps_rollup), at most once a minute per process and within the budget. */
  pss(key: ProcessKey): Promise<number | undefined>
  /** Drops what is remembered of a process that ended. */
  forget(key: ProcessKey): void
  /** Reads that never came back. While there is one, the process cannot exit by itself. */
  stuck(): number
  close(): Promise<void>
}
