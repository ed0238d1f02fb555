import type { Agent, AgentId } from '../../../src/agents/model.ts'
import type {
  ActionEntry,
  ActionRequest,
  ControlDesk,
  ControlState,
  HoldCause,
  Judgement,
} from '../../../src/control/model.ts'

export function entryOf(request: Partial<ActionRequest>, more: Partial<ActionEntry> = {}): ActionEntry {
  return {
    id: 'act-1',
    at: Date.UTC(2026, 0, 1),
    agent: 'mine',
    incarnation: 'life-1',
    action: 'pause',
    trigger: 'human',
    episode: 'api:1',
    actor: 'control',
    reason: 'because',
    hold: 'human',
    status: 'intended',
    attempt: 1,
    durable: true,
    refusal: undefined,
    detail: undefined,
    rung: undefined,
    verifiedAt: undefined,
    durationMs: undefined,
    count: 1,
    lastAt: Date.UTC(2026, 0, 1),
    size: undefined,
    extraBudget: undefined,
    ...request,
    ...more,
  }
}

export function fakeAgent(id: AgentId, more: Partial<Agent> = {}): Agent {
  return { id, incarnation: 'life-1', endedAtMs: undefined, ...more } as Agent
}

/** A desk that does nothing and remembers what it was asked. */
export function fakeDesk() {
  const asked: { readonly name: string; readonly args: readonly unknown[] }[] = []
  const holds = new Map<AgentId, Map<HoldCause, { sinceMs: number; reason: string }>>()
  const terminal = new Set<AgentId>()
  const entries: ActionEntry[] = []
  let answer: Partial<ActionEntry> = {}
  let later: Partial<ActionEntry> = { status: 'done', rung: 'sigstop', verifiedAt: 1_000, durationMs: 83 }
  let judgement: Judgement = { verdict: 'allow' }
  let state: ControlState = {
    mode: 'enforce',
    acting: true,
    killSwitch: { engaged: false },
    failureStops: [],
    holds: [],
  }
  const note =
    <Args extends readonly unknown[], Result>(name: string, run: (...args: Args) => Result) =>
    (...args: Args): Result => {
      asked.push({ name, args })
      return run(...args)
    }

  const desk: ControlDesk = {
    request: note('request', async (request: ActionRequest) => {
      const entry = entryOf(request, { id: `act-${entries.length + 1}`, ...answer })
      entries.push(entry)
      return entry
    }),
    settled: note('settled', async (id: string, signal?: AbortSignal) => {
      const entry = entries.find((one) => one.id === id) as ActionEntry
      if (Object.keys(later).length > 0) return { ...entry, ...later }
      await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      return entry
    }),
    holds: (agent) => holds.get(agent) ?? new Map(),
    isHeld: (agent) => (holds.get(agent)?.size ?? 0) > 0,
    isTerminal: (agent) => terminal.has(agent),
    judge: note('judge', async () => judgement),
    ofEarlierLife: async () => undefined,
    find: async (id) => entries.find((one) => one.id === id),
    list: note('list', async (filter, limit: number, before?: string) => {
      const visible = entries.filter(
        (one) =>
          (filter.visible?.(one.agent) ?? true) &&
          (filter.agent === undefined || one.agent === filter.agent) &&
          (filter.action === undefined || one.action === filter.action) &&
          (filter.status === undefined || one.status === filter.status),
      )
      const newest = [...visible].reverse()
      const from = before === undefined ? 0 : newest.findIndex(({ id }) => id === before) + 1
      return newest.slice(from, from + limit)
    }) as ControlDesk['list'],
    approve: note('approve', async (id: string) => entryOf({}, { id, status: 'intended' })),
    reject: note('reject', async (id: string) => entryOf({}, { id, status: 'refused', refusal: 'rejected' })),
    state: () => state,
    reset: note('reset', () => {}),
    letGo: note('letGo', async () => {}),
  }

  return {
    desk,
    asked,
    entries,
    terminal,
    /** What the next requests answer. */
    answers(next: Partial<ActionEntry>) {
      answer = next
    },
    judges(next: Judgement) {
      judgement = next
    },
    /** What an entry becomes when it is waited for; empty: it never settles. */
    settlesAs(next: Partial<ActionEntry>) {
      later = next
    },
    hold(agent: AgentId, cause: HoldCause, reason = 'because') {
      holds.set(agent, (holds.get(agent) ?? new Map()).set(cause, { sinceMs: 0, reason }))
    },
    release: (agent: AgentId) => void holds.delete(agent),
    setState(next: Partial<ControlState>) {
      state = { ...state, ...next }
    },
  }
}
