import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** How a child ended, as `child_process` tells it: exactly one of both. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Exit codes of a program that runs another one, as env(1), timeout(1) and the shells have them. */
export const LAUNCH_EXIT = { failed: 125, notExecutable: 126, notFound: 127 } as const

/** The shells' way to say in a number that a signal ended a program. */
const SIGNAL_BASE = 128
/** A signal sent to oneself is delivered before kill(2) returns, unless something holds it back. */
const RAISE_WAIT_MS = 200
/** What is still open by then, a connection that does not close, is not waited for. */
const LINGER_MS = 1_000

/** The number a shell would show for this end. */
export function exitCodeOf({ code, signal }: Ended): number {
  if (signal === null) return code ?? LAUNCH_EXIT.failed
  return SIGNAL_BASE + constants.signals[signal]
}

/**
 * Ends this process the way the child ended, whatever exit code is set afterwards. A signal is raised again on ourselves: a shell script that is
 * interrupted stops only when it sees that its command died of the signal, an exit code of 130 would not do.
 */
export async function leaveLike(ended: Ended): Promise<void> {
  const { signal } = ended
  if (signal === null) return end(exitCodeOf(ended))
  // Listening and letting go gives the signal its default back, also SIGPIPE, which Node ignores from the start.
  const nothing = (): void => {}
  try {
    process.on(signal, nothing)
  } catch {
    // SIGKILL and SIGSTOP cannot be listened to and need not be.
  }
  process.removeAllListeners(signal)
  const held = delay(RAISE_WAIT_MS)
  process.kill(process.pid, signal)
  await held
  end(exitCodeOf(ended))
}

/**
 * Ends with this code as soon as nothing is left to do. Not by `process.exit`: it joins V8's worker threads while the
 * heap still is, and one that compiles and asks for a collection at that moment waits for ever (seen with Node 24).
 * The ordinary end takes the heap down first.
 */
function end(code: number): void {
  process.once('exit', () => {
    process.exitCode = code
  })
  setTimeout(() => process.exit(code), LINGER_MS).unref()
}
