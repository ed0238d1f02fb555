import { Worker } from 'node:worker_threads'
import { type Clock, systemClock, type Timer } from '../clock.ts'
import type { ProcessIdentity, ProcessKey, SlowLane } from './process.ts'
import type { SlowReply, SlowRequest } from './slow-lane.worker.ts'
import type { SlowAnswer, SlowQuestion } from './slow-read.ts'

/** The dearest honest read is tens of milliseconds; a second means somebody holds the target's mmap lock. */
const WATCHDOG_MS = 1_000
/**
 * Each hung read may keep one thread in the kernel, where nothing can end it. With this many lost, the lane
 * waits until one of them comes back instead of losing more.
 */
const MOST_LOST_WORKERS = 4
const PSS_INTERVAL_MS = 60_000
/** When a minute's budget did not reach everybody the interval doubles, up to this, so that the others get a turn. */
const LONGEST_PSS_INTERVAL_MS = 4 * PSS_INTERVAL_MS
/** Worker time spent on PSS in any minute. */
const PSS_BUDGET_MS = 200

export interface SlowLaneOptions {
  readonly root?: string
  readonly watchdogMs?: number
  readonly pssBudgetMs?: number
  readonly clock?: Clock
}

export interface SlowLaneUse {
  /** Reads that did not come back in time, since the start. */
  readonly hungReads: number
  /** Workers that are still stuck in such a read. While one is, `process.exit` may wait for it. */
  readonly stuckWorkers: number
  readonly waiting: number
}

export interface WatchedSlowLane extends SlowLane {
  use(): SlowLaneUse
}

interface Job {
  readonly question: SlowQuestion
  readonly key: ProcessKey
  readonly settle: (answer: SlowAnswer | 'hung') => void
}

interface PssMemory {
  readonly startTime: number
  readonly readAt: number
  readonly bytes: number | undefined
}

/**
 * One worker thread reads the files that take the target's mmap lock, one after the other, under a watchdog. A
 * read that does not come back costs its process the answer `hung` and its worker the job: another one goes on.
 */
export function createSlowLane(options: SlowLaneOptions = {}): WatchedSlowLane {
  const root = options.root ?? '/proc'
  const watchdogMs = options.watchdogMs ?? WATCHDOG_MS
  const pssBudgetMs = options.pssBudgetMs ?? PSS_BUDGET_MS
  const clock = options.clock ?? systemClock
  // Identity goes first: discovery waits for it, PSS can always wait.
  const identities: Job[] = []
  const sizes: Job[] = []
  /** Left alone until the worker that it holds comes back: one process never costs two. */
  const hung = new Map<number, { readonly startTime: number; readonly worker: Worker }>()
  const pssMemory = new Map<number, PssMemory>()
  const stuck = new Set<Worker>()
  let worker: Worker | undefined
  // The watchdog is for reads: a worker that is still starting on a busy machine is not a hung process.
  let ready = false
  let current: { id: number; job: Job; watchdog: Timer } | undefined
  let lastId = 0
  let hungReads = 0
  let closed = false
  let pssWindowAt = 0
  let pssSpentMs = 0
  let pssRefused = 0
  let pssIntervalMs = PSS_INTERVAL_MS

  function startWorker(): Worker {
    const file = import.meta.url.endsWith('.ts') ? './slow-lane.worker.ts' : './slow-lane.worker.js'
    const started = new Worker(new URL(file, import.meta.url), {
      workerData: { root },
      // Small: it holds one 128 KiB buffer and short strings.
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
    })
    started.on('message', (reply: SlowReply | 'ready') => {
      if (reply !== 'ready') onReply(started, reply)
      else if (started === worker) {
        ready = true
        started.unref()
        next()
      }
    })
    started.on('error', () => onEnd(started))
    started.on('exit', () => onEnd(started))
    return started
  }

  function onReply(from: Worker, reply: SlowReply): void {
    if (from !== worker || current?.id !== reply.id) return
    const { job, watchdog } = current
    watchdog.cancel()
    current = undefined
    from.unref()
    if (job.question === 'pss') pssSpentMs += reply.elapsedMs
    job.settle(reply.answer)
    next()
  }

  function onEnd(ended: Worker): void {
    stuck.delete(ended)
    for (const [pid, known] of hung) if (known.worker === ended) hung.delete(pid)
    if (ended === worker) {
      worker = undefined
      // One that cannot even start would be started for ever.
      if (!ready) settleAll('unreadable')
      ready = false
      // It died on its own: its question has no answer, the others get a new worker.
      const job = current?.job
      current?.watchdog.cancel()
      current = undefined
      job?.settle('unreadable')
    }
    next()
  }

  /** After a long turn of our own loop the timer fires before the reply is seen: let messages come in first. */
  function onWatchdog(id: number): void {
    setImmediate(() => {
      if (current?.id === id) giveUp()
    })
  }

  function giveUp(): void {
    if (current === undefined || worker === undefined) return
    const { job } = current
    const lost = worker
    current = undefined
    worker = undefined
    ready = false
    hungReads++
    hung.set(job.key.pid, { startTime: job.key.startTime, worker: lost })
    stuck.add(lost)
    // Takes effect when the kernel lets the read go; until then the thread stays, which is why they are counted.
    void lost.terminate()
    lost.unref()
    job.settle('hung')
    if (stuck.size >= MOST_LOST_WORKERS) settleAll('hung')
    next()
  }

  function settleAll(answer: 'hung' | 'unreadable'): void {
    for (const job of [...identities.splice(0), ...sizes.splice(0)]) job.settle(answer)
  }

  /** The next question that is worth a worker; those that are not are answered on the way. */
  function takeJob(): Job | undefined {
    for (;;) {
      const job = identities.shift() ?? sizes.shift()
      if (job === undefined) return undefined
      if (isHung(job.key)) job.settle('hung')
      else if (job.question === 'pss' && pssSpentMs >= pssBudgetMs) {
        pssRefused++
        pssMemory.delete(job.key.pid)
        job.settle('unreadable')
      } else return job
    }
  }

  function next(): void {
    if (closed || current !== undefined || stuck.size >= MOST_LOST_WORKERS) return
    if (!ready) {
      if (identities.length + sizes.length > 0) worker ??= startWorker()
      return
    }
    const job = takeJob()
    if (job === undefined || worker === undefined) return
    // Somebody awaits the answer: the process stays alive for it, and only for it.
    worker.ref()
    const id = ++lastId
    current = { id, job, watchdog: clock.setTimer(watchdogMs, () => onWatchdog(id)) }
    const request: SlowRequest = {
      id,
      question: job.question,
      key: { pid: job.key.pid, startTime: job.key.startTime },
    }
    worker.postMessage(request)
  }

  function isHung(key: ProcessKey): boolean {
    const known = hung.get(key.pid)
    if (known === undefined) return false
    if (known.startTime === key.startTime) return true
    hung.delete(key.pid)
    return false
  }

  function ask(question: SlowQuestion, key: ProcessKey): Promise<SlowAnswer | 'hung'> {
    if (closed) return Promise.resolve('unreadable')
    // With every worker lost nobody can answer: say so at once rather than queue without end.
    if (isHung(key) || stuck.size >= MOST_LOST_WORKERS) return Promise.resolve('hung')
    return new Promise((settle) => {
      const queue = question === 'pss' ? sizes : identities
      queue.push({ question, key, settle })
      next()
    })
  }

  function mayReadPss(now: number): boolean {
    if (now - pssWindowAt >= PSS_INTERVAL_MS) {
      pssIntervalMs = pssRefused > 0 ? Math.min(pssIntervalMs * 2, LONGEST_PSS_INTERVAL_MS) : PSS_INTERVAL_MS
      pssWindowAt = now
      pssSpentMs = 0
      pssRefused = 0
      for (const [pid, known] of pssMemory) {
        if (now - known.readAt > LONGEST_PSS_INTERVAL_MS) pssMemory.delete(pid)
      }
    }
    if (pssSpentMs < pssBudgetMs) return true
    pssRefused++
    return false
  }

  return {
    async identify(key): Promise<ProcessIdentity | 'gone' | 'unreadable' | 'hung'> {
      const answer = await ask('identity', key)
      return typeof answer === 'number' ? 'unreadable' : answer
    },
    async pss(key) {
      const now = clock.monotonic()
      const known = pssMemory.get(key.pid)
      const same = known?.startTime === key.startTime
      if (same && now - known.readAt < pssIntervalMs) return known.bytes
      // Over budget: an old number is not this minute's, so there is none.
      if (!mayReadPss(now)) return undefined
      pssMemory.set(key.pid, { startTime: key.startTime, readAt: now, bytes: same ? known.bytes : undefined })
      const answer = await ask('pss', key)
      if (answer === 'gone') {
        pssMemory.delete(key.pid)
        return undefined
      }
      const bytes = typeof answer === 'number' ? answer : undefined
      if (pssMemory.has(key.pid)) pssMemory.set(key.pid, { startTime: key.startTime, readAt: now, bytes })
      return bytes
    },
    use: () => ({ hungReads, stuckWorkers: stuck.size, waiting: identities.length + sizes.length }),
    stuck: () => stuck.size,
    forget(key) {
      if (pssMemory.get(key.pid)?.startTime === key.startTime) pssMemory.delete(key.pid)
      if (hung.get(key.pid)?.startTime === key.startTime) hung.delete(key.pid)
    },
    async close() {
      closed = true
      current?.watchdog.cancel()
      current?.job.settle('unreadable')
      current = undefined
      settleAll('unreadable')
      const last = worker
      worker = undefined
      if (last === undefined) return
      // Not the stuck ones: they end when the kernel lets them, and this one may be in such a read too.
      stuck.add(last)
      await new Promise<void>((done) => {
        const patience = clock.setTimer(watchdogMs, done)
        void last.terminate().then(() => {
          patience.cancel()
          done()
        })
      })
      last.unref()
    },
  }
}
