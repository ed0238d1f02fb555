import { counter, gauge } from '../platform/exposition/family.ts'

/** Families of this room. A series of every cause and reason is there, with 0, as soon as a role is known. */
export const exitsTotal = counter('agent_exits_total', {
  labels: ['role', 'reason'],
  help: 'Ends of agents: clean (exit code 0), stopped (asked to end by somebody), terminated (by this daemon), crashed, unknown (nobody saw how).',
})
export const crashesTotal = counter('agent_crashes_total', {
  labels: ['role', 'cause'],
  help: 'Crashes by cause, and children of living agents that were killed for want of memory (oom_child).',
})
export const lastCrash = gauge('agent_last_crash_timestamp_seconds', {
  unit: 'seconds',
  labels: ['agent'],
  help: 'When the agent last crashed; absent without a crash that is kept.',
})
export const fleetHealth = gauge('agent_fleet_health_ratio', {
  unit: 'ratio',
  help: 'Health of all agents from 0 to 1: crashes of the last 7 days, halved every day, and agents near their memory limit.',
})
