/**
 * The fields of `/proc/<pid>/stat` this product uses, raw: times in clock ticks. `undefined` = the line ended
 * before the field, or what stands there is no number. `commStart`/`commEnd` delimit the name in the buffer.
 */
export interface StatLine {
  commStart: number
  commEnd: number
  /** ASCII code of the state letter. */
  state: number | undefined
  ppid: number | undefined
  pgrp: number | undefined
  session: number | undefined
  /** Device number of the controlling terminal, 0 without one. */
  terminal: number | undefined
  /** The group in the foreground of that terminal; -1 without one. */
  foregroundGroup: number | undefined
  userTicks: number | undefined
  systemTicks: number | undefined
  childUserTicks: number | undefined
  childSystemTicks: number | undefined
  threads: number | undefined
  startTime: number | undefined
  /** Page faults of all threads; memory grows through them only. */
  minorFaults: number | undefined
  majorFaults: number | undefined
  virtualBytes: number | undefined
  /** From a counter that lags behind by a batch per CPU: good for noticing a change, not as a size. */
  rssPages: number | undefined
  /** Wait status (field 52); only looked for in a zombie, where nothing else tells how it ended. */
  exitStatus: number | undefined
}

const LEFT = 0x28
const RIGHT = 0x29
const SPACE = 0x20
const NEWLINE = 0x0a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const ZOMBIE = 0x5a

// Field numbers of proc_pid_stat(5).
const START_TIME = 22
const RSS = 24
const EXIT_CODE = 52

export function createStatLine(): StatLine {
  return {
    commStart: 0,
    commEnd: 0,
    state: undefined,
    ppid: undefined,
    pgrp: undefined,
    session: undefined,
    terminal: undefined,
    foregroundGroup: undefined,
    userTicks: undefined,
    systemTicks: undefined,
    childUserTicks: undefined,
    childSystemTicks: undefined,
    threads: undefined,
    startTime: undefined,
    minorFaults: undefined,
    majorFaults: undefined,
    virtualBytes: undefined,
    rssPages: undefined,
    exitStatus: undefined,
  }
}

function clear(into: StatLine): void {
  into.commStart = 0
  into.commEnd = 0
  into.state = undefined
  into.ppid = undefined
  into.pgrp = undefined
  into.session = undefined
  into.terminal = undefined
  into.foregroundGroup = undefined
  into.userTicks = undefined
  into.systemTicks = undefined
  into.childUserTicks = undefined
  into.childSystemTicks = undefined
  into.threads = undefined
  into.startTime = undefined
  into.minorFaults = undefined
  into.majorFaults = undefined
  into.virtualBytes = undefined
  into.rssPages = undefined
  into.exitStatus = undefined
}

function assign(into: StatLine, field: number, value: number): void {
  switch (field) {
    case 4:
      into.ppid = value
      return
    case 5:
      into.pgrp = value
      return
    case 6:
      into.session = value
      return
    case 7:
      into.terminal = value
      return
    case 8:
      into.foregroundGroup = value
      return
    case 10:
      into.minorFaults = value
      return
    case 12:
      into.majorFaults = value
      return
    case 14:
      into.userTicks = value
      return
    case 15:
      into.systemTicks = value
      return
    case 16:
      into.childUserTicks = value
      return
    case 17:
      into.childSystemTicks = value
      return
    case 20:
      into.threads = value
      return
    case START_TIME:
      into.startTime = value
      return
    case 23:
      into.virtualBytes = value
      return
    case RSS:
      into.rssPages = value
      return
    case EXIT_CODE:
      into.exitStatus = value
      return
  }
}

/**
 * Parses one `/proc/<pid>/stat` line from the first `length` bytes of `bytes` without allocating. A name may hold
 * spaces, brackets and any byte but NUL, so the last `)` ends it: nothing after it can contain one. A number
 * counts only when its terminator was read too, so a line cut anywhere gives `undefined`, never a shorter number.
 *
 * @returns whether everything up to the start time (field 22) was there.
 */
export function parseStat(bytes: Uint8Array, length: number, into: StatLine): boolean {
  clear(into)
  let open = 0
  while (open < length && bytes[open] !== LEFT) open++
  let close = length - 1
  while (close > open && bytes[close] !== RIGHT) close--
  if (close <= open) return false
  into.commStart = open + 1
  into.commEnd = close
  // ") S " — state letter between two spaces.
  if (close + 3 >= length || bytes[close + 1] !== SPACE || bytes[close + 3] !== SPACE) return false
  const state = bytes[close + 2]!
  if (!isLetter(state)) return false
  into.state = state
  const last = state === ZOMBIE ? EXIT_CODE : RSS
  let field = 4
  let value = 0
  let digits = 0
  let negative = false
  for (let at = close + 4; at < length && field <= last; at++) {
    const byte = bytes[at]!
    if (byte >= ZERO && byte <= NINE) {
      value = value * 10 + (byte - ZERO)
      digits++
    } else if (byte === MINUS && digits === 0 && !negative) {
      negative = true
    } else if ((byte === SPACE || byte === NEWLINE) && digits > 0) {
      assign(into, field, negative ? -value : value)
      field++
      value = 0
      digits = 0
      negative = false
    } else {
      break
    }
  }
  return field > START_TIME
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
}
