/** How long one piece of work may hold the event loop: others must not feel a scrape. */
const SLICE_MS = 4

/**
 * A turnstile for long work: all scrapes, collectors and renderings of the process pass through one, so that
 * ten of them at once still hold the loop for one slice at a time, with timers and sockets served in between.
 */
export interface Slices {
  /** Runs the generator to its end, a slice at a time. `onStep` sees each yielded value; its throw ends the run. */
  drive<Step, Result>(work: Generator<Step, Result, void>, onStep?: (step: Step) => void): Promise<Result>
  /** Resolves when it is the caller's turn; what follows synchronously should last no longer than a slice. */
  turn(): Promise<void>
}

export interface SlicesOptions {
  readonly sliceMs?: number
  /** Milliseconds that never go back. */
  readonly now?: () => number
}

export function createSlices({
  sliceMs = SLICE_MS,
  now = () => performance.now(),
}: SlicesOptions = {}): Slices {
  const waiting: (() => void)[] = []
  let armed = false
  let end = 0
  return { drive, turn }

  function turn(): Promise<void> {
    return new Promise((resolve) => {
      waiting.push(resolve)
      arm()
    })
  }

  // An immediate that is set while immediates run waits for the next round of the loop: I/O comes first.
  function arm(): void {
    if (armed) return
    armed = true
    setImmediate(() => {
      armed = false
      end = now() + sliceMs
      waiting.shift()?.()
      if (waiting.length > 0) arm()
    })
  }

  async function drive<Step, Result>(
    work: Generator<Step, Result, void>,
    onStep?: (step: Step) => void,
  ): Promise<Result> {
    try {
      await turn()
      for (;;) {
        const step = work.next()
        if (step.done === true) return step.value
        onStep?.(step.value)
        if (now() >= end) await turn()
      }
    } finally {
      // Ends a generator that was left half-way, so that its own finally blocks run.
      work.return(undefined as Result)
    }
  }
}
