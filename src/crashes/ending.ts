import type { ExitEvidence } from './model.ts'

/** Signals by their number on Linux (signal(7)), the ones that end a program by default. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  10: 'SIGUSR1',
  11: 'SIGSEGV',
  12: 'SIGUSR2',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
}
/** Shells and container engines say in a number that a signal ended a program. */
const SIGNAL_BASE = 128

/** The name of a signal given as name or number; undefined for what is neither. */
export function signalName(text: string): string | undefined {
  if (/^\d{1,3}$/.test(text)) return SIGNALS[Number(text)]
  const name = /^SIG/i.test(text) ? text.toUpperCase() : `SIG${text.toUpperCase()}`
  return /^SIG[A-Z0-9+-]{2,12}$/.test(name) ? name : undefined
}

/** A wait status (wait(2), field 52 of a zombie's stat). */
export function exitOfWaitStatus(status: number): Omit<ExitEvidence, 'source'> {
  const signal = status & 0x7f
  if (signal === 0) return { code: (status >> 8) & 0xff }
  return { signal: SIGNALS[signal] ?? `SIG${signal}` }
}

/** How the main process ended. */
export type Ending =
  | { readonly kind: 'code'; readonly code: number; readonly certain: boolean }
  | { readonly kind: 'signal'; readonly signal: string; readonly certain: boolean }

/**
 * Undefined when nobody saw it. `certain`: the kernel's own word about the main process. A code above 128 from a parent
 * is what a shell passed on about a child of its own, and a report is only a report. Engines have no other way to say it.
 */
export function endingOf(exit: ExitEvidence | undefined): Ending | undefined {
  if (exit === undefined) return undefined
  const isTold = exit.source === 'report'
  if (exit.signal !== undefined) {
    return { kind: 'signal', signal: signalName(exit.signal) ?? 'SIG?', certain: !isTold }
  }
  if (exit.code === undefined) return undefined
  const signal = exit.code > SIGNAL_BASE ? SIGNALS[exit.code - SIGNAL_BASE] : undefined
  if (signal === undefined) return { kind: 'code', code: exit.code, certain: !isTold }
  return { kind: 'signal', signal, certain: exit.source === 'engine' }
}
