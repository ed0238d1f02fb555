import { judgeNotification } from '../../../src/alertmanager/episodes.ts'
import type { NotifiedAlert } from '../../../src/alertmanager/payload.ts'
import { compilePolicies, type Rule } from '../../../src/alertmanager/policy.ts'
import { review } from '../../../src/alertmanager/review.ts'
import { mute, settle } from '../../../src/alertmanager/settle.ts'
import {
  type AlertedAgent,
  type AlertTable,
  EMPTY_TABLE,
  type EpisodeConfig,
  type Surroundings,
} from '../../../src/alertmanager/table.ts'
import type { AlertOutcome, AlertVerdict, Answer } from '../../../src/alertmanager/verdict.ts'
import type { HoldCause, HoldFacts } from '../../../src/control/model.ts'
import type { Moment } from '../../../src/platform/moment.ts'

/** When the agent of the tests has lived for an hour. */
export const START = Date.UTC(2026, 10, 22)
export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE

export function ruleOf(more: Partial<Rule> = {}): Rule {
  return {
    match: { alertname: 'A' },
    matchers: [],
    action: 'pause',
    dryRun: false,
    onResolved: 'none',
    curedByPause: false,
    deafFor: 10 * MINUTE,
    minHold: MINUTE,
    approval: 'none',
    grace: 10 * SECOND,
    deadline: 30 * MINUTE,
    ...more,
  }
}

/** A rule that lets the agent go on by itself. */
export const CURED = ruleOf({ curedByPause: true, onResolved: 'resume' })

interface Told {
  readonly alertname?: string
  readonly agent?: string
  /** Milliseconds after START. */
  readonly starts?: number
  readonly ends?: number
  readonly fingerprint?: string
  readonly labels?: Readonly<Record<string, string>>
}

export function firing({
  alertname = 'A',
  agent = 'a',
  starts = 0,
  fingerprint = 'f',
  labels,
}: Told = {}): NotifiedAlert {
  return {
    status: 'firing',
    alertname,
    labels: new Map(Object.entries({ alertname, agent, instance: 'h:1', ...labels })),
    fingerprint,
    startsAtMs: START + starts,
    endsAtMs: undefined,
    summary: undefined,
  }
}

export function resolved({ ends = MINUTE, ...told }: Told = {}): NotifiedAlert {
  return { ...firing(told), status: 'resolved', endsAtMs: START + ends }
}

export interface World {
  readonly verdicts: readonly AlertVerdict[]
  readonly table: AlertTable
  /** Writable: what is true around the judge. */
  readonly agents: Map<string, AlertedAgent>
  readonly holds: Map<HoldCause, HoldFacts>
  isOver: boolean | undefined
  config: EpisodeConfig
  /** How the action plane answers; `none`: not yet. */
  answers: Answer['result'] | 'none'
  tell(...alerts: NotifiedAlert[]): readonly AlertOutcome[]
  wait(ms: number): void
  answer(deed: Answer['deed'], result: Answer['result'], episode?: string): void
  /** A person lets it go on. */
  release(): void
  acts(): readonly string[]
  resumes(): readonly string[]
}

/** A table with an action plane that does at once what it is asked for. */
export function worldOf(rules: readonly Rule[], more: Partial<EpisodeConfig> = {}): World {
  let table: AlertTable = EMPTY_TABLE
  let atMs = 0
  const verdicts: AlertVerdict[] = []
  const now = (): Moment => ({ bootId: 'boot', bootMs: atMs, wallMs: START + atMs })
  const agents = new Map<string, AlertedAgent>([['a', lifeOf('a')]])
  const holds = new Map<HoldCause, HoldFacts>()
  const around: Surroundings = {
    agent: (id) => agents.get(id),
    holds: (agent) => (agent === 'a' ? holds : new Map()),
    isOver: () => world.isOver,
  }

  function hear(said: readonly AlertVerdict[]): void {
    verdicts.push(...said)
    for (const verdict of said) {
      if (verdict.kind !== 'act' && verdict.kind !== 'resume') continue
      if (world.answers === 'none') continue
      const deed = verdict.kind === 'act' ? 'action' : 'resume'
      world.answer(deed, world.answers, verdict.entry.episode)
    }
  }

  function look(): void {
    const [next, said] = review(table, world.config, around, now())
    table = next
    hear(said)
  }

  const world: World = {
    verdicts,
    get table() {
      return table
    },
    agents,
    holds,
    isOver: true,
    config: {
      policies: compilePolicies(rules),
      isOurs: undefined,
      repeatIntervalMs: 5 * MINUTE,
      ...more,
    },
    answers: 'done',
    tell(...alerts) {
      const [next, judged] = judgeNotification(table, { alerts, rejected: [] }, world.config, around, now())
      table = next
      hear(judged.verdicts)
      look()
      return judged.alerts.map(({ outcome }) => outcome)
    },
    wait(ms) {
      atMs += ms
      look()
    },
    answer(deed, result, episode) {
      const entry = [...table.entries.values()].find(
        (one) => episode === undefined || one.episode === episode,
      )
      if (entry === undefined) throw new Error('there is no such episode')
      if (result === 'done' && deed === 'action')
        holds.set(`alert:${entry.episode}`, { sinceMs: now().wallMs, reason: '' })
      if (result === 'done' && deed === 'resume') holds.delete(`alert:${entry.episode}`)
      table = settle(table, { key: entry.key, episode: entry.episode, deed, result, at: now() })
    },
    release() {
      holds.clear()
      table = mute(table, 'a', now().wallMs)
    },
    acts: () => verdicts.flatMap((one) => (one.kind === 'act' ? [one.request.episode] : [])),
    resumes: () => verdicts.flatMap((one) => (one.kind === 'resume' ? [one.request.episode] : [])),
  }
  return world
}

export function lifeOf(id: string, incarnation = 'life-1', startedAtMs = START - HOUR): AlertedAgent {
  return { id, incarnation, startedAtMs, endedAtMs: undefined, conflict: false }
}
