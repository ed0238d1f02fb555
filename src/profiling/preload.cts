// Loaded into every Node process of a profiled command by NODE_OPTIONS=--require, before its own code. CommonJS and
// nothing but built-in modules and syntax of 2019, so that it works in whatever Node the command runs on. It talks to V8 through a
// session inside of the process: no port is opened and nothing waits. Whatever fails here costs the profile, never
// the program.

type Inspector = typeof import('node:inspector')
type Session = InstanceType<Inspector['Session']>

interface Answer {
  readonly profile?: object
}

interface Order {
  readonly directory: string
  readonly prefix: string
  readonly kinds: readonly string[]
  /** A process that is killed without a word loses no more than this. */
  readonly chunkMs: number
  readonly snapshotMs: number
}

function begin({ directory, prefix, kinds, chunkMs, snapshotMs }: Order): void {
  const inspector: Inspector = require('node:inspector')
  const fs: typeof import('node:fs') = require('node:fs')
  const path: typeof import('node:path') = require('node:path')
  const base = path.join(directory, `${prefix}-${process.pid}`)
  const session: Session = new inspector.Session()
  session.connect()
  const hasCpu = kinds.includes('cpu')
  const hasHeap = kinds.includes('heap')
  let chunk = 1
  let snapshots = 0

  /** Inside of one process commands are answered before `post` returns. */
  function ask(method: string, params?: object): Answer | undefined {
    let answer: Answer | undefined
    session.post(method, params, (_error: Error | null, result?: object) => {
      answer = result as Answer
    })
    return answer
  }

  /** Whoever looks sees a whole file or none. Only for the owner: heaps hold secrets. */
  function write(file: string, answer: Answer | undefined): void {
    if (answer === undefined || answer.profile === undefined) return
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
    fs.writeFileSync(`${file}.part`, JSON.stringify(answer.profile), { mode: 0o600 })
    fs.renameSync(`${file}.part`, file)
  }

  function start(): void {
    if (hasCpu) ask('Profiler.start')
  }

  function flush(): void {
    try {
      if (hasCpu) {
        const stopped = ask('Profiler.stop')
        write(`${base}${chunk === 1 ? '' : `-${chunk}`}.cpuprofile`, stopped)
        if (stopped !== undefined) chunk++
      }
      if (hasHeap) {
        write(`${base}.heapprofile`, ask('HeapProfiler.getSamplingProfile'))
      }
    } catch {}
  }

  function flushAndGoOn(): void {
    flush()
    try {
      start()
    } catch {}
  }

  if (hasCpu) ask('Profiler.enable')
  if (hasHeap) {
    ask('HeapProfiler.enable')
    ask('HeapProfiler.startSampling', { samplingInterval: 32_768 })
  }
  start()
  if (hasCpu || hasHeap) setInterval(flushAndGoOn, chunkMs).unref()
  if (snapshotMs > 0) {
    setInterval(() => {
      try {
        const { writeHeapSnapshot }: typeof import('node:v8') = require('node:v8')
        const file = `${base}-${++snapshots}.heapsnapshot`
        fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
        // The file is there before it is filled: its owner alone may read it then.
        fs.closeSync(fs.openSync(file, 'w', 0o600))
        writeHeapSnapshot(file)
      } catch {}
    }, snapshotMs).unref()
  }
  process.once('exit', flush)
  if (hasCpu || hasHeap) {
    hide()
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) listen(signal)
  }

  /**
   * A signal whose default is to end the process still does so, after the profile is written. The listener hides
   * from those who count listeners to find out whether they are the last.
   */
  function listen(signal: NodeJS.Signals): void {
    const onSignal = (): void => {
      flushAndGoOn()
      if (others(signal) > 0) return
      process.removeListener(signal, onSignal)
      process.kill(process.pid, signal)
    }
    process.on(signal, onSignal)
    hidden.add(onSignal)
  }

  function others(signal: NodeJS.Signals): number {
    return process.listeners(signal).length
  }
}

const hidden = new Set<unknown>()

/** Programs that act only when no other listener is left must not see ours. */
function hide(): void {
  for (const name of ['listeners', 'rawListeners'] as const) {
    const original = process[name]
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: false,
      writable: true,
      value(this: NodeJS.Process, event: never) {
        const found: unknown[] = original.call(this, event)
        return hidden.size === 0 ? found : found.filter((listener) => !hidden.has(listener))
      },
    })
  }
  Object.defineProperty(process, 'listenerCount', {
    configurable: true,
    enumerable: false,
    writable: true,
    value(event: never, listener?: unknown) {
      const found: unknown[] = process.listeners(event)
      return listener === undefined ? found.length : found.filter((one) => one === listener).length
    },
  })
}

;((): void => {
  const directory = process.env['AGENT_EXPORTER_PROFILE_DIR']
  const prefix = process.env['AGENT_EXPORTER_PROFILE_PREFIX']
  const kinds = (process.env['AGENT_EXPORTER_PROFILE_KINDS'] || '').split(',')
  const chunkMs = Number(process.env['AGENT_EXPORTER_PROFILE_CHUNK_MS'])
  const snapshotMs = Number(process.env['AGENT_EXPORTER_PROFILE_SNAPSHOT_MS'] || 0)
  if (!directory || !prefix) return
  try {
    const { isMainThread }: typeof import('node:worker_threads') = require('node:worker_threads')
    if (isMainThread) begin({ directory, prefix, kinds, chunkMs, snapshotMs })
  } catch {
    // Built without an inspector, or not allowed to use it.
  }
})()
