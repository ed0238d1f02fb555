import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ControlConfig,
  type Deed,
  type Facts,
  failureStop,
  judgeGuard,
} from '../../../src/control/guard.ts'
import { ACTIONS, type ActionRequest, TRIGGERS } from '../../../src/control/model.ts'
import type { Moment } from '../../../src/platform/moment.ts'

const MINUTE = 60_000
const at = (ms: number): Moment => ({ bootId: 'boot', bootMs: 10_000_000 + ms, wallMs: 1e12 + ms })
const NOW = at(0)

const config: ControlConfig = {
  mode: 'enforce',
  enforceDiscovered: false,
  cooldown: MINUTE,
  maxFleetShare: 0.1,
  maxFailures: 3,
  maxAutoResumesPerHour: 2,
  approvalExpiry: 30 * MINUTE,
  grace: 10_000,
}

const facts: Facts = {
  acting: true,
  killSwitch: false,
  agent: { incarnation: 'life', endedAtMs: undefined, conflict: false, uid: 1000 },
  tree: { pids: [100, 101] },
  supported: true,
  container: undefined,
  protectedPids: new Set([7, 8]),
  otherUser: false,
  enforced: true,
  held: false,
  terminal: false,
  damaged: false,
  memory: { usedBytes: undefined, limitBytes: undefined, hostAvailableBytes: 'not_asked' },
  fleet: 100,
  attempts: 0,
  deeds: [],
  resetAt: undefined,
}

const request: ActionRequest = {
  action: 'pause',
  agent: 'a',
  incarnation: 'life',
  trigger: 'memory',
  episode: '1',
  actor: 'memory',
  reason: 'too much',
  hold: 'memory',
}

const deed = (agent: string, startedMs: number, more: Partial<Deed> = {}): Deed => ({
  agent,
  action: 'pause',
  trigger: 'memory',
  started: at(startedMs),
  ended: at(startedMs + 100),
  result: 'success',
  ...more,
})

function verdict(
  asked: Partial<ActionRequest> = {},
  seen: Partial<Facts> = {},
  set: Partial<ControlConfig> = {},
): string {
  const judgement = judgeGuard({ ...request, ...asked }, { ...facts, ...seen }, { ...config, ...set }, NOW)
  return judgement.verdict === 'refused' ? judgement.reason : judgement.verdict
}

const resume = { action: 'resume', trigger: 'human', hold: 'human' } as const

describe('the guard', () => {
  it('lets through what nothing speaks against', () => {
    for (const action of ACTIONS)
      for (const trigger of TRIGGERS) expect(verdict({ action, trigger })).toBe('allow')
  })

  it.each<[string, Partial<ActionRequest>, Partial<Facts>, Partial<ControlConfig>]>([
    ['control_off', {}, {}, { mode: 'off' }],
    ['second_daemon', {}, { acting: false }, {}],
    ['kill_switch', {}, { killSwitch: true }, {}],
    ['unknown_agent', {}, { agent: undefined }, {}],
    ['other_incarnation', { incarnation: 'another' }, {}, {}],
    ['ended', {}, { agent: { ...facts.agent!, endedAtMs: 1 } }, {}],
    ['conflict', {}, { agent: { ...facts.agent!, conflict: true } }, {}],
    ['unsupported', {}, { supported: false }, {}],
    ['own_container', {}, { container: 'own' }, {}],
    ['unlabelled_container', {}, { container: 'unlabelled' }, {}],
    ['other_user', {}, { otherUser: true }, {}],
    ['missing_data', {}, { tree: 'missing' }, {}],
    ['terminal', {}, { terminal: true }, {}],
    ['too_many_attempts', {}, { attempts: 3 }, {}],
    ['cooldown', {}, { deeds: [deed('a', -MINUTE + 1)] }, {}],
    [
      'too_many_resumes',
      { action: 'resume' },
      { deeds: [-50, -5].map((m) => deed('a', m * MINUTE, { action: 'resume' })) },
      {},
    ],
  ])('refuses: %s', (reason, asked, seen, set) => {
    expect(verdict(asked, seen, set)).toBe(reason)
  })

  it.each([
    ['init', 1],
    ['the exporter or its ancestor', 7],
  ])('refuses a tree that holds %s: protected_process', (_, pid) => {
    expect(verdict({}, { tree: { pids: [100, pid] } })).toBe('protected_process')
  })

  it('refuses the 11th of 100 agents within ten minutes: fleet_share', () => {
    const begun = (count: number) => Array.from({ length: count }, (_, i) => deed(`other-${i}`, -MINUTE))
    expect(verdict({}, { deeds: begun(9) })).toBe('allow')
    expect(verdict({}, { deeds: begun(10) })).toBe('fleet_share')
    expect(verdict({ trigger: 'budget' }, { deeds: begun(10) })).toBe('allow')
    expect(verdict({ trigger: 'human' }, { deeds: begun(10) })).toBe('allow')
    expect(verdict({}, { fleet: 3, deeds: [] })).toBe('allow')
    expect(verdict({}, { fleet: 3, deeds: begun(1) })).toBe('fleet_share')
    expect(verdict({}, { deeds: begun(10).map((one) => ({ ...one, started: at(-11 * MINUTE) })) })).toBe(
      'allow',
    )
  })

  it('counts agents for the share of the fleet, not what was done to each', () => {
    const pause = deed('a', -2 * MINUTE, { trigger: 'memory' })
    const end = { action: 'terminate', trigger: 'memory' } as const
    expect(verdict(end, { fleet: 1, deeds: [pause] })).toBe('allow')
    expect(verdict(end, { fleet: 3, deeds: [pause, deed('other', -MINUTE)] })).toBe('allow')
    expect(verdict({}, { fleet: 3, deeds: [deed('other', -2 * MINUTE), deed('other', -MINUTE)] })).toBe(
      'fleet_share',
    )
    const twice = Array.from({ length: 18 }, (_, i) => deed(`other-${i % 9}`, -MINUTE))
    expect(verdict({}, { deeds: twice })).toBe('allow')
  })

  it('refuses after three failures in a row until a reset or half an hour has passed: failure_stop', () => {
    const failed = [-9, -6, -3].map((m) =>
      deed(`other${m}`, m * MINUTE, { result: 'failure', trigger: 'budget' }),
    )
    const ask = { trigger: 'budget' } as const
    expect(verdict(ask, { deeds: failed.slice(1) })).toBe('allow')
    expect(verdict(ask, { deeds: failed })).toBe('failure_stop')
    expect(verdict({ trigger: 'memory' }, { deeds: failed })).toBe('allow')
    expect(verdict({ ...ask, action: 'terminate' }, { deeds: failed })).toBe('allow')
    expect(verdict(ask, { deeds: failed, resetAt: at(-MINUTE) })).toBe('allow')
    expect(verdict(ask, { deeds: [...failed, deed('z', -MINUTE, { trigger: 'budget' })] })).toBe('allow')
    const older = failed.map((one) => ({ ...one, started: at(-40 * MINUTE), ended: at(-31 * MINUTE) }))
    expect(verdict(ask, { deeds: older })).toBe('allow')
    expect(failureStop('pause', 'budget', { deeds: failed, resetAt: undefined }, config, NOW)).toMatchObject({
      failures: 3,
    })
  })

  it('does not call failures that are far apart a row', () => {
    const spread = [-25, -14, -3].map((m) => deed('b', m * MINUTE, { result: 'failure' }))
    expect(verdict({}, { deeds: spread })).toBe('allow')
  })

  it('cools down an agent for automatic triggers, never for budgets, people or resumes', () => {
    const deeds = [deed('a', -1_000)]
    for (const trigger of ['alert', 'memory', 'reaper', 'scaler'] as const) {
      expect(verdict({ trigger }, { deeds })).toBe('cooldown')
    }
    expect(verdict({ trigger: 'budget' }, { deeds })).toBe('allow')
    expect(verdict({ trigger: 'human' }, { deeds })).toBe('allow')
    expect(verdict({ action: 'resume' }, { deeds })).toBe('allow')
  })

  it('only rehearses for who did not opt in, unless configured or a person says so for this one', () => {
    const seen = { enforced: false }
    expect(judgeGuard(request, { ...facts, ...seen }, config, NOW)).toMatchObject({
      verdict: 'dry_run',
      reason: 'not_enforced',
    })
    expect(verdict({}, seen, { enforceDiscovered: true })).toBe('allow')
    expect(verdict({ trigger: 'human', optIn: true }, seen)).toBe('allow')
    expect(verdict({ trigger: 'alert', optIn: true }, seen)).toBe('dry_run')
  })

  it('rehearses in dry-run mode, when asked, and everything automatic after a damaged journal', () => {
    expect(verdict({}, {}, { mode: 'dry-run' })).toBe('dry_run')
    expect(verdict({ dryRun: true })).toBe('dry_run')
    expect(verdict({ ...resume, dryRun: true })).toBe('dry_run')
    expect(verdict({}, { damaged: true })).toBe('dry_run')
    expect(verdict({ trigger: 'human' }, { damaged: true })).toBe('allow')
  })

  it('never keeps a person from resuming what is held', () => {
    fc.assert(
      fc.property(
        fc.record({
          killSwitch: fc.boolean(),
          enforced: fc.boolean(),
          terminal: fc.boolean(),
          damaged: fc.boolean(),
          tree: fc.constantFrom<Facts['tree']>('missing', 'none', { pids: [1] }),
          container: fc.constantFrom<Facts['container']>('labelled', 'unlabelled', undefined),
          deeds: fc.array(
            fc
              .nat(40)
              .map((m) => deed('a', -m * MINUTE, { action: 'resume', result: 'failure', trigger: 'human' })),
          ),
        }),
        fc.constantFrom('off', 'dry-run', 'enforce'),
        (seen, mode) => {
          const agent = { ...facts.agent!, conflict: seen.terminal }
          expect(verdict(resume, { ...seen, agent, held: true }, { mode })).toBe('allow')
        },
      ),
    )
  })

  it('never acts while the kill switch is engaged, another daemon acts, or data is missing', () => {
    const blocked = fc.constantFrom<Partial<Facts>>(
      { killSwitch: true },
      { acting: false },
      { tree: 'missing' },
      { agent: undefined },
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...ACTIONS.filter((action) => action !== 'resume')),
        fc.constantFrom(...TRIGGERS),
        fc.boolean(),
        blocked,
        (action, trigger, enforced, seen) => {
          expect(['allow', 'dry_run']).not.toContain(verdict({ action, trigger }, { enforced, ...seen }))
        },
      ),
    )
  })

  it('counts time over a reboot by the wall clock and never below zero', () => {
    const other = { bootId: 'before', bootMs: 99_999_999, wallMs: NOW.wallMs - MINUTE + 1 }
    expect(verdict({}, { deeds: [deed('a', 0, { started: other })] })).toBe('cooldown')
    const jumped = { ...other, wallMs: NOW.wallMs + 5 * MINUTE }
    expect(verdict({}, { deeds: [deed('a', 0, { started: jumped })] })).toBe('cooldown')
  })
})
