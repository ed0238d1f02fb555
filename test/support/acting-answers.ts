import type { AskedCall, FakeAnswer } from './fake-api.ts'
import { HOSTILE } from './monitoring-answers.ts'

const ENTRY = {
  ...{ id: 'act-19c2f0', at: '2026-01-31T12:00:00.000Z', trigger: 'human', actor: 'control', count: 1 },
  reason: 'no reason given',
}

/** What came of an action, by the name of the agent that is asked for. */
const OUTCOMES: Readonly<Record<string, object>> = {
  coder: { status: 'done', durationMs: 83.2 },
  again: { status: 'noop' },
  guarded: { status: 'refused', refusal: 'kill_switch' },
  other: { status: 'refused', refusal: 'own_container', detail: 'the daemon runs in the same container' },
  found: { status: 'dry_run', refusal: 'not_enforced' },
  tried: { status: 'dry_run', detail: 'would stop 3 processes' },
  asked: { status: 'pending_approval' },
  shell: {
    status: 'needs_foreground',
    detail: 'continued, but its terminal stopped it again: run `fg` in pts/3',
  },
  half: { status: 'partial', detail: '2 processes left' },
  broken: { status: 'failed', detail: 'EPERM' },
  slow: { status: 'intended' },
  hostile: { agent: HOSTILE, id: HOSTILE, status: 'failed', rung: HOSTILE, detail: HOSTILE },
  imposter: { status: HOSTILE },
}

const ENGAGED = { engaged: true, actor: 'control', since: '2026-01-31T12:00:00.000Z' }

const RUNGS: Readonly<Record<string, string>> = { pause: 'sigstop', resume: 'sigcont', terminate: 'sigterm' }

/** A daemon that acts, and others at its address that are none. */
export function actingAnswer({ method, path, body }: AskedCall): FakeAnswer | undefined {
  const [route = ''] = path.split('?')
  const [, agent = '', action = ''] =
    /^\/api\/v1\/agents\/([^/]+)\/(pause|resume|terminate)$/.exec(route) ?? []
  if (Object.hasOwn(OUTCOMES, agent))
    return { status: 202, body: { ...ENTRY, agent, action, rung: RUNGS[action], ...OUTCOMES[agent] } }
  if (agent === 'stranger') return problem(401, 'AE_UNAUTHENTICATED', 'Give a token with the scope control.')
  if (agent === 'cursed') return problem(404, HOSTILE, HOSTILE)
  if (agent === 'proxy') return { status: 502, body: '<h1>Bad gateway</h1>' }
  if (agent === 'page') return { status: 200, body: '<h1>It works</h1>' }
  if (agent === 'nothing') return { status: 500, body: null }
  if (agent === 'odd') return { status: 400, body: { code: 7, detail: { say: HOSTILE }, title: 'No.' } }
  if (/\/deliverables$/.test(route)) return { status: 201, body: { id: 'd-1' } }
  if (/\/acknowledge$/.test(route)) return { body: { success: true } }
  if (route === '/api/v1/control')
    return { body: { killSwitch: { ...ENGAGED, actor: HOSTILE, reason: HOSTILE } } }
  if (method === 'PUT') {
    const { engaged } = body as { engaged: boolean }
    return { body: engaged ? { ...ENGAGED, reason: 'somebody must look first' } : { engaged } }
  }
  return undefined
}

function problem(status: number, code: string, detail: string): FakeAnswer {
  return { status, body: { type: '/docs', status, title: 'A title', code, detail } }
}
