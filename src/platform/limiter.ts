/** Runs at most `width` jobs at the same time, the others in order behind them. */
export function createLimiter(width: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let active = 0

  return async (job) => {
    if (active >= width) await new Promise<void>((resolve) => waiting.push(resolve))
    else active += 1
    try {
      return await job()
    } finally {
      const next = waiting.shift()
      if (next === undefined) active -= 1
      else next()
    }
  }
}
