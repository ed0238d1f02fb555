import { createRandom } from '../../../bench/trend/random.ts'
import { CRASH_CAUSES, EXIT_REASONS } from '../../../src/crashes/model.ts'
import { PHASES, RESOURCES } from '../../../src/exhaustion/model.ts'
import type { Family } from '../../../src/platform/exposition/family.ts'
import { createAgentHistory } from './agent.ts'
import { type HostPlan, tellExporter, tellHost } from './exporter.ts'
import type { Moment } from './moment.ts'
import { BEGIN, BUILD, LAPTOP, PLANS } from './plans.ts'
import { createRecording, type RecordedSeries, type Recording } from './recording.ts'

const JOB = 'agent-exporter'
const GIB = 2 ** 30
const HOSTS: readonly HostPlan[] = [
  {
    instance: LAPTOP,
    cores: 8,
    memoryBytes: 16 * GIB,
    mountpoint: '/',
    diskShare: 0.43,
    startedMinute: -1_900,
  },
  {
    instance: BUILD,
    cores: 16,
    memoryBytes: 64 * GIB,
    mountpoint: '/srv',
    diskShare: 0.61,
    startedMinute: -5_400,
  },
]
/** Near the end of its memory the exporter looks between its samples. */
const NEAR = 0.85

/**
 * Six hours and some of two machines with agents, scrape by scrape. What is told obeys the rules of the exporter:
 * budgets lead to phases, phases to pauses, memory to levels.
 * @param endSeconds Unix time of the last scrape
 */
export function simulateHistory(
  families: ReadonlyMap<string, Family>,
  endSeconds: number,
  stepSeconds: number,
): RecordedSeries[] {
  const random = createRandom(7)
  const at = (minute: number): number => endSeconds + minute * 60
  const hosts = HOSTS.map((host) => {
    const told = createRecording({ job: JOB, instance: host.instance }, families)
    beginAtZero(told)
    return {
      host,
      told,
      agents: PLANS.filter(({ instance }) => instance === host.instance).map((plan) =>
        createAgentHistory(plan, told),
      ),
    }
  })
  const others = createRecording({ job: 'alertmanager', instance: 'build-01:9093' }, families)
  for (let seconds = at(BEGIN); seconds <= endSeconds; seconds += stepSeconds) {
    const now: Moment = { minute: (seconds - endSeconds) / 60, seconds, stepSeconds, random, at }
    for (const { host, told, agents } of hosts) {
      const alive = agents.filter((agent) => !['gone', 'exited'].includes(agent.step(now)))
      const fleet = {
        agents: alive.length,
        memoryBytes: alive.reduce((sum, { plan }) => sum + plan.memory.bytes(now.minute), 0),
        cores: alive.reduce((sum, { plan, isPaused }) => sum + (isPaused ? 0 : plan.cores), 0),
        nearLimit: alive.filter(({ plan }) => plan.memory.bytes(now.minute) > plan.memory.limit * NEAR)
          .length,
      }
      for (const phase of PHASES) {
        told.gauge(
          'agents_tracked_current',
          { phase },
          agents.filter((agent) => agent.phase === phase).length,
        )
      }
      told.gauge('agents_paused_current', {}, agents.filter(({ isPaused }) => isPaused).length)
      told.gauge('agent_fleet_health_ratio', {}, healthOf(told, fleet.nearLimit))
      tellLoop(host, told, now)
      tellHost(host, fleet, told, now)
      tellExporter(host, fleet, told, now)
      told.scrape(seconds)
    }
    others.gauge('up', {}, 1)
    for (const integration of ['webhook', 'email']) {
      others.count('alertmanager_notifications_total', { integration }, random.chance(0.011) ? 1 : 0)
      others.count('alertmanager_notifications_failed_total', { integration, reason: 'other' }, 0)
    }
    others.scrape(seconds)
  }
  return [...hosts.map(({ told }) => told), others].flatMap(({ series }) => [...series.values()])
}

/** Series that an exporter shows from its start. */
function beginAtZero(told: Recording): void {
  for (const resource of [...RESOURCES, 'manual']) {
    told.count('resource_exhaustion_warnings_total', { resource }, 0)
    told.count('resource_exhaustion_interventions_total', { resource }, 0)
    told.count('resource_exhaustion_terminations_total', { resource }, 0)
  }
  for (const role of new Set(PLANS.map((plan) => plan.role))) {
    for (const reason of EXIT_REASONS) told.count('agent_exits_total', { role, reason }, 0)
    for (const cause of CRASH_CAUSES) told.count('agent_crashes_total', { role, cause }, 0)
  }
  for (const alert of ['warning', 'critical', 'oom_imminent', 'trend_warning', 'recovered']) {
    told.count('agent_memory_alerts_total', { alert }, 0)
  }
  for (const action of ['pause', 'resume', 'terminate']) {
    for (const trigger of ['human', 'budget', 'alert']) {
      told.count('agent_actions_total', { action, trigger, outcome: 'done' }, 0)
    }
  }
  told.count('agent_actions_total', { action: 'pause', trigger: 'budget', outcome: 'dry_run' }, 0)
  told.count('agent_actions_total', { action: 'pause', trigger: 'alert', outcome: 'refused' }, 0)
  told.count('agent_action_refusals_total', { action: 'pause', reason: 'not_enforced' }, 0)
  told.count('agent_action_refusals_total', { action: 'pause', reason: 'cooldown' }, 0)
  told.count('agent_pauses_restored_total', {}, 0)
}

function healthOf(told: Recording, nearLimit: number): number {
  const crashes = [...told.series.values()]
    .filter(({ metric }) => metric === 'agent_crashes_total')
    .reduce((sum, { samples }) => sum + samples.at(-1)![1], 0)
  return Math.max(0, 1 - 0.09 * crashes - 0.08 * nearLimit)
}

/** When memory alerts and notifications came: minutes before the end, on the machine that builds. */
const MEMORY_ALERTS = [
  [-186, 'warning'],
  [-172, 'critical'],
  [-160, 'oom_imminent'],
  [-150, 'recovered'],
  [-60, 'trend_warning'],
  [-24, 'warning'],
  [-3, 'critical'],
] as const
const NOTIFIED = [-183, -168, -140, -119, -97, -58, -22, -12, -4]
const REFUSED = [-183, -119]

/** What comes in from Alertmanager, and what the loop says of itself. */
function tellLoop({ instance }: HostPlan, told: Recording, { minute, stepSeconds, random }: Moment): void {
  const falls = (when: number): boolean =>
    instance === BUILD && when <= minute && minute < when + stepSeconds / 60
  told.gauge('agent_control_kill_switch', {}, 0)
  told.gauge('agent_memory_warning_horizon_seconds', {}, 900)
  const isPending = instance === LAPTOP && minute > -7
  for (const action of ['pause', 'resume', 'terminate']) {
    told.gauge('agent_actions_pending', { action }, isPending && action === 'terminate' ? 1 : 0)
  }
  for (const [when, alert] of MEMORY_ALERTS)
    told.count('agent_memory_alerts_total', { alert }, falls(when) ? 1 : 0)
  const notified = NOTIFIED.filter(falls).length
  told.count('agent_alertmanager_notifications_total', { outcome: 'accepted' }, notified)
  told.count('agent_alertmanager_alerts_total', { outcome: 'asked' }, NOTIFIED.filter(falls).length)
  told.count('agent_alertmanager_alerts_total', { outcome: 'resolved' }, [-158, -117].filter(falls).length)
  const firing = instance === BUILD && (minute > -24 || (minute > -186 && minute < -150)) ? 1 : 0
  told.gauge('agent_alertmanager_active_alerts', { state: 'firing' }, firing)
  told.gauge('agent_alertmanager_active_alerts', { state: 'unknown' }, 0)
  const refused = REFUSED.filter(falls).length
  told.count('agent_action_refusals_total', { action: 'pause', reason: 'cooldown' }, refused)
  told.count('agent_actions_total', { action: 'pause', trigger: 'alert', outcome: 'refused' }, refused)
  if (falls(-168)) {
    told.count('agent_actions_total', { action: 'pause', trigger: 'alert', outcome: 'done' }, 1)
    told.observe('agent_reaction_duration_seconds', { trigger: 'alert' }, 18 + 4 * random.next())
    told.observe('agent_action_duration_seconds', { action: 'pause', rung: 'docker_pause' }, 0.11)
  }
}
