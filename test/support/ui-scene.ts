import { once } from 'node:events'
import { type ActingDaemon, startActingDaemon } from './acting-daemon.ts'
import { eventually } from './child.ts'
import { type RealProcess, type Shape, startProcess } from './real-processes.ts'

/** What a program that means harm would write wherever it may write something. */
export const HOSTILE_TEXT = `<img src=x onerror="document.title='caught'"><script>document.title='caught'</script>`
/** Reads as `safe.txt` where the override is obeyed. */
export const BIDI_TEXT = 'run \u202etxt.efas\u202c now'

/** A daemon with agents in all sorts of trouble, each a real process. */
export interface UiScene extends AsyncDisposable {
  readonly daemon: ActingDaemon
  readonly processes: Readonly<Record<string, RealProcess>>
  /** The crash of `importer`. */
  readonly crashId: string
  /** A link that signs in once, as `agent-exporter ui` prints it. */
  signInLink(): Promise<string>
}

const CONFIG = {
  agents: { discovery: { processes: false, containers: false } },
  memory: { thresholds: { warningBytes: '128MiB', criticalBytes: '256MiB', oomImminentBytes: '1GiB' } },
  resourceExhaustion: { requireConfirmationOnIntervention: true },
  control: { grace: '1s' },
}

interface Cast {
  readonly shape: Shape
  readonly role: string
  readonly enforce?: boolean
  readonly maxTokens?: number
  readonly tokens?: number
}

const AGENTS: Readonly<Record<string, Cast>> = {
  writer: { shape: 'idle', role: 'docs', maxTokens: 200_000, tokens: 12_400 },
  refactor: { shape: 'resident300', role: 'backend', maxTokens: 500_000, tokens: 61_250 },
  planner: { shape: 'idle', role: 'planning', maxTokens: 100_000, tokens: 91_000 },
  migrator: { shape: 'idle', role: 'database', maxTokens: 100_000, tokens: 140_000 },
  seeder: { shape: 'idle', role: 'database', maxTokens: 100_000, tokens: 110_000 },
  visitor: { shape: 'idle', role: 'guest', maxTokens: 50_000, tokens: 75_000, enforce: false },
  tester: { shape: 'threads20', role: 'tests' },
  hostile: { shape: 'idle', role: HOSTILE_TEXT },
  importer: { shape: 'idle', role: 'ingest' },
}

export async function startUiScene(config: Readonly<Record<string, unknown>> = {}): Promise<UiScene> {
  const daemon = await startActingDaemon({ config: { ...CONFIG, ...config } })
  const processes: Record<string, RealProcess> = {}
  const dispose = async () => {
    await daemon[Symbol.asyncDispose]()
    await Promise.all(Object.values(processes).map((process) => process.end()))
  }
  async function ask(method: string, path: string, body?: object) {
    const answer = await daemon.call<never>(method, path, body)
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
    return answer.body
  }

  try {
    for (const [id, { shape, role, enforce = true, maxTokens, tokens }] of Object.entries(AGENTS)) {
      const process = await startProcess(shape)
      processes[id] = process
      await ask('POST', '/api/v1/agents', {
        ...{ id, role, enforce, runtime: { pid: process.pid } },
        ...(maxTokens === undefined ? {} : { budget: { maxTokensConsumed: maxTokens } }),
      })
      if (tokens !== undefined) {
        const used = { input: tokens, provider: 'anthropic', model: 'claude-sonnet-4-5' }
        await ask('POST', `/api/v1/agents/${id}/usage`, { tokens: used })
      }
    }
    await ask('POST', '/api/v1/agents/writer/deliverables', { type: 'code_commit' })

    const { child } = processes['importer']!
    const ended = once(child, 'exit')
    child.kill('SIGSEGV')
    // Nothing that is said of a process that lives is believed.
    await ended
    await ask('POST', '/api/v1/agents/importer/exit', {
      signal: 'SIGSEGV',
      lastOutput: `reading part 7 of 12\n${HOSTILE_TEXT}\n${BIDI_TEXT}\nSegmentation fault`,
    })
    const crashId = await eventually('the crash is known', async () => {
      const { body } = await daemon.call<{ crashes: { id: string }[] }>('GET', '/api/monitoring/crashes')
      return body.crashes[0]?.id
    })
    await eventually('two actions wait for approval', async () => {
      const { body } = await daemon.call<{ items: object[] }>(
        'GET',
        '/api/v1/actions?status=pending_approval',
      )
      return body.items.length === 2 || undefined
    })
    await eventually('the memory is judged', async () => {
      const { body } = await daemon.call<{ memory: { level: string } | null }>(
        'GET',
        '/api/v1/agents/refactor',
      )
      return body.memory?.level === 'critical' || undefined
    })
    return {
      ...{ daemon, processes, crashId },
      async signInLink() {
        const { body } = await daemon.call<{ url: string }>('POST', '/api/v1/ui/links', {})
        return body.url
      },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw new Error(`${String(error)}\n${daemon.child.output()}`, { cause: error })
  }
}
