import { Worker } from 'node:worker_threads'
import { type Failure, StoreUnavailable, toError } from './failure.ts'
import type { EngineOptions, OpenValue, Reply, Request, WorkerMessage } from './sqlite-protocol.ts'
import type { Lane, StoreCounters } from './stats.ts'

/** Statements that may wait for the worker; beyond it the store is not keeping up and says so. */
const QUEUE_MAX = 4_096

// biome-ignore lint/suspicious/noExplicitAny: distributes over the union, so that each kind keeps its own fields
type WithoutId<R> = R extends any ? Omit<R, 'id'> : never
export type RequestBody = WithoutId<Request>

/** `counted`: refused when too many wait. `exempt`: part of something already admitted, or the store's own. */
export type Admission = 'counted' | 'exempt'

export interface SqliteClientEvents {
  /** Writes fail for want of space or permission. */
  blocked(failure: Failure): void
  damaged(reason: string): void
  /** The worker ended without being asked; everything in flight was refused. */
  exited(detail: string): void
}

/** The main thread's end of the worker: statements go out in one message per turn, answers settle promises. */
export interface SqliteClient {
  /** Starts the worker and opens the file. */
  open(options: EngineOptions): Promise<OpenValue>
  /** @throws StoreUnavailable and whatever the statement itself earned. */
  submit<T>(body: RequestBody, admission: Admission): Promise<T>
  nextTransaction(): number
  waiting(): Readonly<Record<Lane, number>>
  /** Closes the database and ends the worker, at `deadline` whatever it does: the log keeps what was committed. */
  close(deadline: Promise<void>): Promise<void>
}

interface Pending {
  readonly lane: Lane
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

export function createSqliteClient(counters: StoreCounters, events: SqliteClientEvents): SqliteClient {
  const pending = new Map<number, Pending>()
  const waiting: Record<Lane, number> = { durable: 0, batch: 0 }
  let outbox: Request[] = []
  let worker: Worker | undefined
  let nextId = 1
  let transactions = 0
  let wasBlocked = false
  let wasDamaged = false

  function open(options: EngineOptions): Promise<OpenValue> {
    const file = import.meta.url.endsWith('.ts') ? './sqlite.worker.ts' : './sqlite.worker.js'
    const started = new Worker(new URL(file, import.meta.url), {
      workerData: options,
      // node:sqlite of older releases says on stderr that it is new. Not by execArgv: naming one option would mean
      // naming the inherited ones, and a thread refuses those that are for the process (--disable-sigusr1).
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    })
    worker = started
    wasBlocked = false
    wasDamaged = false
    const opened = track<OpenValue>(0, 'durable')
    started.on('message', receive)
    started.on('error', (error) => lost(started, error.message))
    started.on('exit', (code) => lost(started, `exit code ${code}`))
    return opened
  }

  function track<T>(id: number, lane: Lane): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      pending.set(id, { lane, resolve: resolve as Pending['resolve'], reject })
      waiting[lane]++
      // A statement in flight keeps the process alive, an idle store does not.
      worker?.ref()
    })
  }

  function submit<T>(body: RequestBody, admission: Admission): Promise<T> {
    if (!worker) return refuse(new StoreUnavailable('closed'))
    if (admission === 'counted' && pending.size >= QUEUE_MAX)
      return refuse(new StoreUnavailable('queue_full'))
    const id = nextId++
    if (outbox.length === 0) queueMicrotask(post)
    outbox.push({ ...body, id } as Request)
    return track<T>(id, 'lane' in body ? body.lane : body.kind === 'rows' ? 'batch' : 'durable')
  }

  function refuse(error: StoreUnavailable): Promise<never> {
    counters.failures[error.reason]++
    return Promise.reject(error)
  }

  function post(): void {
    const requests = outbox
    outbox = []
    try {
      worker?.postMessage(requests)
    } catch {
      // One value in the burst cannot be copied to a thread (a function, a promise): only its statement fails.
      for (const request of requests) postAlone(request)
    }
  }

  function postAlone(request: Request): void {
    try {
      worker?.postMessage([request])
    } catch (error) {
      settle({ id: request.id, failure: { reason: 'statement', message: String(error) } })
    }
  }

  function receive(message: WorkerMessage): void {
    for (const commit of message.commits) {
      counters.observeCommit(commit.lane, commit.seconds)
      counters.writes[commit.lane] += commit.writes
    }
    if (message.sizeBytes !== undefined) counters.sizeBytes = message.sizeBytes
    const { blocked, damaged } = message
    if (blocked && !wasBlocked) events.blocked(blocked)
    wasBlocked = blocked !== undefined
    if (damaged !== undefined && !wasDamaged) events.damaged(damaged)
    wasDamaged = damaged !== undefined
    for (const reply of message.replies) settle(reply)
  }

  function settle(reply: Reply): void {
    const entry = pending.get(reply.id)
    if (!entry) return
    pending.delete(reply.id)
    waiting[entry.lane]--
    if (pending.size === 0) worker?.unref()
    if (reply.failure) {
      counters.failures[reply.failure.reason]++
      entry.reject(toError(reply.failure))
    } else {
      entry.resolve(reply.value as never)
    }
  }

  function lost(from: Worker, detail: string): void {
    if (worker !== from) return
    worker = undefined
    outbox = []
    refuseAll({ reason: 'io', message: `The database thread ended: ${detail}.` })
    events.exited(detail)
  }

  function refuseAll(failure: Failure): void {
    for (const id of [...pending.keys()]) settle({ id, failure })
  }

  return {
    open,
    submit,
    nextTransaction: () => ++transactions,
    waiting: () => waiting,
    async close(deadline) {
      const ending = worker
      if (!ending) return
      try {
        await Promise.race([submit({ kind: 'close' }, 'exempt'), deadline])
      } finally {
        worker = undefined
        await ending.terminate()
        refuseAll({ reason: 'closed', message: '' })
      }
    },
  }
}
