import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { referenceSettings } from '../../scripts/documents.ts'
import { NOTIFICATION_OUTCOMES } from '../../src/alertmanager/families.ts'
import { ALERT_OUTCOMES } from '../../src/alertmanager/verdict.ts'
import { ACTIONS, REFUSALS, TRIGGERS } from '../../src/control/model.ts'
import { CRASH_CAUSES, EXIT_REASONS } from '../../src/crashes/model.ts'
import { PHASES, RESOURCES } from '../../src/exhaustion/model.ts'
import { ALERT_TYPES, LEVELS, TRENDS } from '../../src/memory/model.ts'
import { metricsGroups } from '../../src/reference.ts'

/** A metric that rules may read. */
export interface Known {
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
  /** The job that its selector begins with; undefined when no scrape brings it. */
  readonly job: string | undefined
}

/** What rules are held to. */
export interface RuleWorld {
  readonly metrics: ReadonlyMap<string, Known>
  /** Headings of the runbooks, as links name them. */
  readonly runbooks: ReadonlySet<string>
}

/** What is not ours. test/integration/alerts/foreign-metrics.test.ts asks the programs themselves. */
const FOREIGN: Readonly<Record<string, Known>> = {
  up: { type: 'gauge', labels: [], job: 'agent-exporter' },
  ALERTS: { type: 'gauge', labels: ['alertname', 'alertstate', 'severity', 'room', 'agent'], job: undefined },
  alertmanager_notifications_total: { type: 'counter', labels: ['integration'], job: 'alertmanager' },
  alertmanager_notifications_failed_total: {
    type: 'counter',
    labels: ['integration', 'reason'],
    job: 'alertmanager',
  },
  alertmanager_config_last_reload_successful: { type: 'gauge', labels: [], job: 'alertmanager' },
  prometheus_notifications_alertmanagers_discovered: { type: 'gauge', labels: [], job: 'prometheus' },
  prometheus_notifications_errors_total: { type: 'counter', labels: ['alertmanager'], job: 'prometheus' },
  prometheus_rule_evaluation_failures_total: { type: 'counter', labels: ['rule_group'], job: 'prometheus' },
}

/** Labels whose values are a closed list: a misspelt one would match nothing, for ever. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  action: ACTIONS,
  cause: CRASH_CAUSES,
  trigger: TRIGGERS,
  outcome: ['done', 'failed', 'refused', 'dry_run', 'noop'],
  phase: PHASES,
  level: [...LEVELS, 'intervention'],
  trend: TRENDS,
  estimate: ['low', 'mid'],
  token_type: ['input', 'output', 'cache_read', 'cache_write', 'unspecified'],
  runtime: ['process', 'container', 'cooperative'],
  state: ['starting', 'running', 'idle', 'waiting', 'paused', 'exited'],
  resource: [...RESOURCES, 'manual'],
}
/** The same label with other values. */
const VALUES_OF: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  agent_action_refusals_total: { reason: REFUSALS },
  agent_exits_total: { reason: EXIT_REASONS },
  agent_alertmanager_notifications_total: { outcome: NOTIFICATION_OUTCOMES },
  agent_alertmanager_alerts_total: { outcome: ALERT_OUTCOMES },
  agent_memory_alerts_total: { alert: ALERT_TYPES },
  agent_budget_threshold_ratio: { level: ['warning', 'intervention'] },
  agent_memory_level: { level: LEVELS },
  agent_memory_threshold_bytes: { level: LEVELS.filter((level) => level !== 'healthy') },
  // `none` is that of the alert which always fires, and stands for nothing else.
  ALERTS: {
    severity: ['critical', 'warning', 'info'],
    alertstate: ['firing', 'pending'],
  },
  agent_alertmanager_active_alerts: { state: ['firing', 'unknown'] },
}

export function valuesOf(metric: string, label: string): readonly string[] | undefined {
  return VALUES_OF[metric]?.[label] ?? VALUES[label]
}

/** The metrics of the catalogue, those of others that rules read, and the sections of the runbooks. */
export async function ruleWorld(): Promise<RuleWorld> {
  const metrics = new Map<string, Known>(Object.entries(FOREIGN))
  for (const { families } of await metricsGroups(referenceSettings)) {
    for (const { name, type, labels } of families) {
      if (type !== 'histogram') metrics.set(name, { type, labels, job: 'agent-exporter' })
      else {
        metrics.set(`${name}_bucket`, { type: 'counter', labels: [...labels, 'le'], job: 'agent-exporter' })
        metrics.set(`${name}_sum`, { type: 'counter', labels, job: 'agent-exporter' })
        metrics.set(`${name}_count`, { type: 'counter', labels, job: 'agent-exporter' })
      }
    }
  }
  const runbooks = readFileSync(join(import.meta.dirname, '../../docs/runbooks.md'), 'utf8')
  const headings = runbooks.match(/(?<=^## ).*$/gm) ?? []
  return { metrics, runbooks: new Set(headings.map((heading) => heading.toLowerCase())) }
}
