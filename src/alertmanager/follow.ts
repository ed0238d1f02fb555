import { ACTIONS, type ActionRequest } from '../control/model.ts'
import { elapsedMs } from '../platform/moment.ts'
import { cleanText } from '../platform/text.ts'
import type { RuleAction } from './policy.ts'
import { FUTURE_MS, type Heard, type Scene } from './scene.ts'
import { type Entry, holdOf } from './table.ts'
import type { AlertOutcome, AlertVerdict } from './verdict.ts'

/** The alert fires: whether anything is to be done about it, and not done yet. */
export function follow(scene: Scene, entry: Entry, change: 'opened' | 'refired' | undefined): Heard {
  const { policy, alert } = scene
  const changed: readonly AlertVerdict[] = change === undefined ? [] : [{ kind: change, entry }]
  const objection = objectionTo(scene, entry)
  if (objection !== undefined) return { entry, outcome: objection, verdicts: changed }
  const { action } = policy.rule
  if (action === 'notify') {
    const next: Entry = { ...entry, action, progress: 'done' }
    return {
      entry: next,
      outcome: 'asked',
      verdicts: [...changed, { kind: 'notify', entry: next, summary: alert.summary }],
    }
  }
  if (!isPossible(action)) {
    const next: Entry = { ...entry, action, progress: 'over' }
    return {
      entry: next,
      outcome: 'unsupported',
      verdicts: [...changed, { kind: 'unsupported', entry: next }],
    }
  }
  const next: Entry = { ...entry, action, progress: 'asking' }
  const request = requestOf(next, scene, action)
  return { entry: next, outcome: 'asked', verdicts: [...changed, { kind: 'act', entry: next, request }] }
}

function objectionTo({ policy, agent, now }: Scene, entry: Entry): AlertOutcome | undefined {
  if (entry.progress !== 'none' && entry.progress !== 'owed') return 'repeated'
  if (entry.muted) return 'muted'
  if (agent.conflict) return 'conflict'
  if (agent.startedAtMs > entry.startsAtMs || entry.startsAtMs > now.wallMs + FUTURE_MS) return 'stale_alert'
  const { deafFor } = policy.rule
  const isYoung = now.wallMs - agent.startedAtMs < deafFor
  if (isYoung || (entry.actedAt !== undefined && elapsedMs(entry.actedAt, now) < deafFor)) return 'deaf'
  return undefined
}

function isPossible(action: RuleAction): action is ActionRequest['action'] {
  return (ACTIONS as readonly string[]).includes(action)
}

function requestOf(entry: Entry, { policy, alert }: Scene, action: ActionRequest['action']): ActionRequest {
  const { dryRun, approval, grace, size } = policy.rule
  const name = cleanText(alert.alertname)
  return {
    action,
    agent: entry.agent,
    incarnation: entry.incarnation,
    trigger: 'alert',
    episode: entry.episode,
    actor: name,
    reason: alert.summary === undefined ? `${name} fires` : `${name}: ${alert.summary}`,
    hold: holdOf(entry),
    ...(dryRun ? { dryRun } : {}),
    ...(approval === 'required' ? { approval } : {}),
    ...(action === 'terminate' ? { graceMs: grace } : {}),
    ...(action === 'resize' && size !== undefined ? { size: { memoryBytes: size.memoryBytes } } : {}),
  }
}
