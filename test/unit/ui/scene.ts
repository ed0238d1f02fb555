import type { Frame, ShownAction, ShownAgent, ShownControl } from '../../../src/ui/model.ts'

export const NOW_MS = Date.UTC(2026, 0, 31, 12, 0, 0)
export const at = (secondsAgo: number): string => new Date(NOW_MS - secondsAgo * 1_000).toISOString()

/** A live agent of which nothing is known to be wrong. */
export function shownAgent(changes: Partial<ShownAgent> = {}): ShownAgent {
  return {
    ...{ id: 'writer', name: 'writer', runtime: 'process', origin: 'registered', conflict: false },
    startedAt: at(600),
    state: { lifecycleState: 'running', lifecycleMetrics: { uptimeSeconds: 600, processes: 2 } },
    phase: 'normal',
    enforced: true,
    ...changes,
  }
}

export function shownAction(changes: Partial<ShownAction> = {}): ShownAction {
  return {
    ...{ id: 'a1', at: at(10), lastAt: at(10), agent: 'writer', action: 'pause', trigger: 'human' },
    ...{ actor: 'ui:control', reason: 'because', status: 'done', attempt: 1, durable: true, count: 1 },
    ...changes,
  }
}

export const QUIET: ShownControl = {
  mode: 'enforce',
  acting: true,
  killSwitch: { engaged: false },
  failureStops: [],
  holds: [],
}

export function frame(changes: Partial<Frame> = {}): Frame {
  return {
    viewer: {
      ...{ name: 'anonymous', kind: 'anonymous', limited: false },
      scopes: new Set(['read']),
      mayTouch: () => true,
    },
    ...{ control: QUIET, pending: [], nowMs: NOW_MS, version: '1.2.3', grafana: undefined },
    ...changes,
  }
}
