import { describe, expect, it } from 'vitest'
import {
  type ActionOrder,
  type ActionResult,
  type ResourceExhaustionConfig,
  type ResourceExhaustionOptions,
  ResourceExhaustionService,
} from '../../../src/index.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const LIMIT: ResourceExhaustionConfig = { thresholds: { maxApiCalls: 10 } }

function serviceOf(config: ResourceExhaustionConfig = LIMIT, options: ResourceExhaustionOptions = {}) {
  const clock = fakeClock()
  const faults: unknown[] = []
  const service = new ResourceExhaustionService({
    clock,
    config,
    onFault: (error, source) => faults.push([source, String(error)]),
    ...options,
  })
  service.initializeAgent('a', 'coder')
  const call = (times: number) => {
    for (let i = 0; i < times; i++) service.recordApiCall('a')
  }
  const told = () => service.getRecentEvents(100).map((e) => `${e.phase} ${e.triggeredBy} ${e.actionTaken}`)
  return { clock, service, call, told, faults }
}

describe('what an agent uses', () => {
  it('A01 counts files by operation, calls, subtasks and tokens', () => {
    const { service } = serviceOf({})
    service.recordFileOperation('a', 'read')
    service.recordFileOperation('a', 'write')
    service.recordFileOperation('a', 'modify')
    service.recordFileOperation('a', 'modify')
    service.recordApiCall('a', 100)
    service.recordSubtaskSpawn('a')
    expect(service.getAgentMetrics('a')).toMatchObject({
      ...{ filesRead: 1, filesWritten: 1, filesModified: 2, apiCallsCount: 1, subtasksSpawned: 1 },
      ...{ tokensConsumed: 100, phase: 'normal', pausedAt: null, pauseReason: null, epoch: 1 },
    })
  })

  it('A29 takes tokens by type, and counts those against the limit that the configuration names', () => {
    const { service } = serviceOf({
      tokenTypes: ['input', 'output'],
      thresholds: { maxTokensConsumed: 1_000 },
    })
    service.recordApiCall('a', { input: 300, output: 100, cacheRead: 9_000, model: 'm', provider: 'p' })
    expect(service.getAgentMetrics('a')).toMatchObject({ tokensConsumed: 400, ratios: { tokens: 0.4 } })
  })

  it('A18 is answered for a known agent only', () => {
    const { service } = serviceOf()
    expect(service.getAgentMetrics('a')).toMatchObject({
      agentId: 'a',
      agentType: 'coder',
      lastDeliverableAt: null,
    })
    expect(service.getAgentMetrics('b')).toBeNull()
  })

  it('is refused when it is no amount, and then changes nothing', () => {
    const { service } = serviceOf()
    for (const tokens of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => service.recordApiCall('a', tokens)).toThrow(/must be/)
    }
    expect(() => service.initializeAgent('../a', 'coder')).toThrow(/agentId/)
    expect(() => service.recordDeliverable('a', 'nothing')).toThrow(/type/)
    expect(service.getAgentMetrics('a')).toMatchObject({ apiCallsCount: 0 })
  })

  it('is not counted for an agent that nobody made known', () => {
    const { service } = serviceOf()
    service.recordApiCall('b')
    service.recordFileOperation('b', 'read')
    service.recordSubtaskSpawn('b')
    expect(service.recordDeliverable('b', 'other')).toBeNull()
    expect(service.getDeliverables('b')).toEqual([])
    expect(service.evaluateAgent('b')).toBe('normal')
  })

  it('is kept when the agent is made known again', () => {
    const { service, call } = serviceOf()
    call(3)
    service.initializeAgent('a', 'reviewer')
    expect(service.getAgentMetrics('a')).toMatchObject({ agentType: 'reviewer', apiCallsCount: 3 })
  })
})

describe('limits', () => {
  it('A02 are those of the configuration, which is checked', () => {
    expect(serviceOf().service.getAgentMetrics('a')?.thresholds).toMatchObject({
      maxApiCalls: 10,
      maxFilesAccessed: 100,
    })
    expect(() => serviceOf({ thresholds: { maxApiCalls: 0 } })).toThrow(/maxApiCalls/)
    expect(() => serviceOf({ warningThresholdPercent: 2 })).toThrow(/warningThresholdPercent/)
    expect(() => serviceOf({ treshold: {} } as never)).toThrow(/did you mean thresholds/)
  })

  it('A03 begin to warn at the warning share', () => {
    const { service, call, told } = serviceOf({ ...LIMIT, warningThresholdPercent: 0.5 })
    call(4)
    expect(service.evaluateAgent('a')).toBe('normal')
    call(1)
    expect(service.evaluateAgent('a')).toBe('warning')
    expect(told()).toEqual(['warning maxApiCalls warned'])
  })

  it('A04 lead through all four phases', () => {
    const { service, call } = serviceOf()
    const phases = [service.evaluateAgent('a')]
    call(8)
    phases.push(service.evaluateAgent('a'))
    call(2)
    phases.push(service.evaluateAgent('a'))
    service.terminateAgent('a', 'enough')
    phases.push(service.evaluateAgent('a'))
    expect(phases).toEqual(['normal', 'warning', 'intervention', 'termination'])
  })

  it('that nobody wrote only warn', () => {
    const { service, call } = serviceOf({})
    call(500)
    expect(service.evaluateAgent('a')).toBe('warning')
    expect(service.isAgentPaused('a')).toBe(false)
  })

  it('A34 come from the profile of the agent, else of its type, and from its own budget', () => {
    const { service } = serviceOf({
      profiles: { tight: { maxApiCalls: 2 } },
      roles: { scout: 'exploratory' },
    })
    service.initializeAgent('b', 'scout')
    service.initializeAgent('c', 'scout', {
      profile: 'tight',
      budget: { maxTimeWithoutDeliverableMs: '90s' },
    })
    expect(service.getAgentMetrics('b')?.thresholds).toMatchObject({ maxFilesAccessed: 500 })
    expect(service.getAgentMetrics('c')?.thresholds).toMatchObject({
      maxApiCalls: 2,
      maxTimeWithoutDeliverableMs: 90_000,
    })
    expect(() => service.initializeAgent('d', 'x', { profile: 'tigth' })).toThrow(/did you mean tight/)
    expect(() => service.initializeAgent('d', 'x', { budget: { maxApiCalls: -1 } })).toThrow(/greater than 0/)
    expect(service.getAgentMetrics('d')).toBeNull()
  })

  it('A21 can be others while it runs: what was counted stays, and a wrong configuration changes nothing', () => {
    const { service, call, clock } = serviceOf()
    service.start()
    call(9)
    expect(() => service.reconfigure({ thresholds: { maxApiCalls: -1 } })).toThrow(/maxApiCalls/)
    expect(service.getConfig().thresholds).toEqual({ maxApiCalls: 10 })
    service.reconfigure({ thresholds: { maxApiCalls: 9, maxWallClockMs: '1m' }, checkIntervalMs: '10s' })
    expect(service.evaluateAgent('a')).toBe('intervention')
    service.resumeAgent('a')
    clock.advance(60_000)
    expect(service.isAgentPaused('a')).toBe(true)
  })
})

describe('events', () => {
  it('A05 keep what was used, the limits, the trigger and what was really done', () => {
    const { service, call } = serviceOf()
    call(10)
    expect(service.getRecentEvents()[0]).toMatchObject({
      ...{ agentId: 'a', agentType: 'coder', phase: 'intervention', previousPhase: 'warning', epoch: 1 },
      ...{ triggeredBy: 'maxApiCalls', actionTaken: 'paused', actor: 'budget' },
      reason: 'api_calls: 10 of 10 calls used',
      metrics: { apiCallsCount: 10 },
      thresholds: { maxApiCalls: 10 },
    })
  })

  it('A20 are told newest first, ten unless said otherwise', () => {
    const { service, clock } = serviceOf()
    for (let i = 0; i < 8; i++) {
      clock.advance(1_000)
      void service.pauseAgent('a', `pause ${i}`)
      service.resumeAgent('a')
    }
    expect(service.getRecentEvents()).toHaveLength(10)
    expect(service.getRecentEvents(16)).toHaveLength(16)
    expect(service.getRecentEvents(2).map(({ actionTaken }) => actionTaken)).toEqual(['resumed', 'paused'])
    expect(service.getRecentEvents(1)[0]?.createdAt).toEqual(new Date(clock.now()))
  })

  it('A19 are summed up, also since a time', () => {
    const { service, call, clock } = serviceOf()
    service.initializeAgent('b', 'coder')
    call(10)
    clock.advance(60_000)
    const since = new Date(clock.now())
    service.terminateAgent('b', 'enough')
    expect(service.getResourceMetrics()).toMatchObject({
      totalAgentsTracked: 2,
      agentsByPhase: { normal: 0, warning: 0, intervention: 1, termination: 1 },
      pausedAgents: 1,
      ...{ totalWarnings: 1, totalInterventions: 1, totalTerminations: 1 },
    })
    const later = service.getResourceMetrics(since)
    expect(later).toMatchObject({ totalWarnings: 0, totalInterventions: 0, totalTerminations: 1 })
    expect(later.recentEvents).toHaveLength(1)
  })

  it('are told to listeners in order, with what came of them; one that throws costs only itself', async () => {
    const { service, call, faults } = serviceOf()
    const heard: unknown[] = []
    service.on('phase', () => {
      throw new Error('broken listener')
    })
    service.on('phase', ({ event }) => heard.push(`${event.phase} ${event.actionTaken}`))
    for (const name of ['paused', 'resumed', 'terminated'] as const) {
      service.on(name, ({ agentId, actor }) => heard.push(`${name} ${agentId} ${actor}`))
    }
    call(10)
    service.resumeAgent('a')
    service.terminateAgent('a', 'enough')
    expect(heard).toEqual([
      ...['warning warned', 'intervention paused', 'paused a budget', 'normal resumed', 'resumed a caller'],
      ...['termination terminated', 'terminated a caller'],
    ])
    expect(faults).toContainEqual(['listener', 'Error: broken listener'])
  })
})

describe('a pause', () => {
  it('A06 follows an intervention at once', () => {
    const { service, call } = serviceOf()
    call(10)
    expect(service.isAgentPaused('a')).toBe(true)
    expect(service.getAgentMetrics('a')).toMatchObject({ pauseReason: 'api_calls: 10 of 10 calls used' })
  })

  it('is not claimed where pausing is off (D10)', () => {
    const { service, call, told } = serviceOf({ ...LIMIT, pauseOnIntervention: false })
    call(10)
    expect(service.isAgentPaused('a')).toBe(false)
    expect(told()[0]).toBe('intervention maxApiCalls allowed')
  })

  it('A07 by a person keeps the reason and the time', async () => {
    const { service, clock, told } = serviceOf()
    expect(await service.pauseAgent('a', 'let me look')).toBe(true)
    expect(service.getAgentMetrics('a')).toMatchObject({
      pausedAt: new Date(clock.now()),
      pauseReason: 'let me look',
      phase: 'normal',
    })
    expect(told()).toEqual(['normal manual paused'])
    expect(await service.pauseAgent('a', 'again')).toBe(true)
    expect(service.getAgentMetrics('a')?.pauseReason).toBe('let me look')
    expect(await service.pauseAgent('b', 'who')).toBe(false)
  })

  it('A28 closes the gate; an unknown agent is not paused (D3)', async () => {
    const { service } = serviceOf()
    expect(service.isAgentPaused('a')).toBe(false)
    await service.pauseAgent('a', 'let me look')
    expect(service.isAgentPaused('a')).toBe(true)
    expect(service.isAgentPaused('nobody')).toBe(false)
  })

  it('lets time stand still', async () => {
    const { service, clock } = serviceOf({ thresholds: { maxTimeWithoutDeliverableMs: 10_000 } })
    service.start()
    await service.pauseAgent('a', 'lunch')
    clock.advance(3_600_000)
    expect(service.evaluateAgent('a')).toBe('normal')
    service.resumeAgent('a')
    clock.advance(10_000)
    expect(service.evaluateAgent('a')).toBe('intervention')
  })
})

describe('a resume', () => {
  it('A08 begins a new epoch, so that the next check does not pause again (D6)', () => {
    const { service, call } = serviceOf()
    call(10)
    expect(service.resumeAgent('a')).toBe(true)
    service.checkAllAgents()
    expect(service.isAgentPaused('a')).toBe(false)
    expect(service.getAgentMetrics('a')).toMatchObject({ phase: 'normal', epoch: 2, apiCallsCount: 0 })
    call(10)
    expect(service.isAgentPaused('a')).toBe(true)
  })

  it('may raise the limits of that epoch', () => {
    const { service, call } = serviceOf()
    call(10)
    expect(() => service.resumeAgent('a', { extraBudget: { maxApiCall: 1 } })).toThrow(
      /did you mean maxApiCalls/,
    )
    expect(service.resumeAgent('a', { extraBudget: { maxApiCalls: 5 } })).toBe(true)
    call(14)
    expect(service.isAgentPaused('a')).toBe(false)
    call(1)
    expect(service.isAgentPaused('a')).toBe(true)
    service.resumeAgent('a')
    expect(service.getAgentMetrics('a')?.thresholds.maxApiCalls).toBe(10)
  })

  it('of a pause by a person goes on in the same epoch', async () => {
    const { service, call } = serviceOf()
    call(3)
    await service.pauseAgent('a', 'lunch')
    service.resumeAgent('a')
    expect(service.getAgentMetrics('a')).toMatchObject({ epoch: 1, apiCallsCount: 3 })
  })

  it('is refused for whom nothing holds', () => {
    const { service } = serviceOf()
    expect([service.resumeAgent('a'), service.resumeAgent('b')]).toEqual([false, false])
  })
})

describe('waiting for a resume', () => {
  it('A09 answers true to all who wait when the agent is resumed (D2)', async () => {
    const { service } = serviceOf()
    await service.pauseAgent('a', 'let me look')
    const waiters = [service.waitForResume('a'), service.waitForResume('a'), service.waitForResume('a')]
    service.resumeAgent('a')
    expect(await Promise.all(waiters)).toEqual([true, true, true])
    expect(await service.waitForResume('a')).toBe(true)
  })

  it('answers false when it is terminated, removed, unknown, or the time is over', async () => {
    const { service, clock } = serviceOf()
    service.initializeAgent('b', 'coder')
    await service.pauseAgent('a', 'x')
    await service.pauseAgent('b', 'x')
    const timed = service.waitForResume('a', { timeoutMs: 1_000 })
    clock.advance(1_000)
    expect(await timed).toBe(false)
    const [terminated, removed] = [service.waitForResume('a'), service.waitForResume('b')]
    service.terminateAgent('a', 'enough')
    service.cleanupAgent('b')
    expect(await Promise.all([terminated, removed])).toEqual([false, false])
    expect(await Promise.all([service.waitForResume('a'), service.waitForResume('b')])).toEqual([
      false,
      false,
    ])
  })

  it('ends with the signal of the caller, and only for that one', async () => {
    const { service } = serviceOf()
    await service.pauseAgent('a', 'x')
    const abort = new AbortController()
    const [left, right] = [service.waitForResume('a', { signal: abort.signal }), service.waitForResume('a')]
    abort.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    service.resumeAgent('a')
    expect(await right).toBe(true)
  })
})

describe('a termination', () => {
  it('A10 is for good and says who and why (D5, D20)', () => {
    const { service, call, told } = serviceOf()
    call(10)
    expect(service.terminateAgent('a', 'it went astray')).toBe(true)
    call(1)
    service.checkAllAgents()
    expect(service.evaluateAgent('a')).toBe('termination')
    expect(service.isAgentPaused('a')).toBe(false)
    expect(service.resumeAgent('a')).toBe(false)
    expect(service.terminateAgent('a', 'twice')).toBe(false)
    expect(told()[0]).toBe('termination manual terminated')
    expect(service.getRecentEvents(1)[0]).toMatchObject({ reason: 'it went astray', actor: 'caller' })
    expect(service.terminateAgent('b', 'who')).toBe(false)
  })

  it('A31 follows an intervention that nobody answers, when that is asked for (D4)', () => {
    const { service, call, clock, told } = serviceOf({
      ...LIMIT,
      autoTerminate: true,
      terminateAfterMs: '5m',
    })
    service.start()
    call(10)
    clock.advance(299_000)
    expect(service.evaluateAgent('a')).toBe('intervention')
    clock.advance(1_000)
    expect(told()[0]).toBe('termination maxApiCalls terminated')
    expect(service.getRecentEvents(1)[0]?.reason).toMatch(/^nobody answered/)
  })

  it('does not follow one that was answered', () => {
    const { service, call, clock } = serviceOf({ ...LIMIT, autoTerminate: true, terminateAfterMs: '5m' })
    service.start()
    call(10)
    service.resumeAgent('a')
    clock.advance(3_600_000)
    expect(service.evaluateAgent('a')).toBe('warning')
  })
})

describe('a pause that needs a person', () => {
  const CONFIRMED = { ...LIMIT, requireConfirmationOnIntervention: true }

  it('A32 waits for an approval', async () => {
    const { service, call, told } = serviceOf(CONFIRMED)
    call(10)
    service.checkAllAgents()
    expect(service.isAgentPaused('a')).toBe(false)
    expect(told()[0]).toBe('intervention maxApiCalls pending_approval')
    expect(await service.approveIntervention('a')).toBe(true)
    expect(service.isAgentPaused('a')).toBe(true)
    expect(told()[0]).toBe('intervention maxApiCalls paused')
    expect(await service.approveIntervention('a')).toBe(false)
  })

  it('can be rejected, and is not asked for again', () => {
    const { service, call, told } = serviceOf(CONFIRMED)
    call(10)
    expect(service.rejectIntervention('a')).toBe(true)
    expect(service.rejectIntervention('a')).toBe(false)
    call(5)
    service.checkAllAgents()
    expect(service.isAgentPaused('a')).toBe(false)
    expect(told()[0]).toBe('intervention maxApiCalls refused')
  })
})

describe('a deliverable', () => {
  it('A11 is a checkpoint with type, description and artifacts, by the names of two vocabularies', () => {
    const { service, clock } = serviceOf()
    for (const type of ['task_completed', 'code_committed', 'tests_passed', 'user_checkpoint']) {
      expect(service.recordDeliverable('a', type)).toMatchObject({ agentId: 'a' })
      clock.advance(1_000)
    }
    const made = service.recordDeliverable('a', 'artifact_produced', 'The report', ['report.md'])
    expect(made).toMatchObject({
      type: 'artifact_produced',
      description: 'The report',
      artifacts: ['report.md'],
    })
    expect(service.getDeliverables('a').map(({ type }) => type)).toEqual([
      ...['artifact_produced', 'user_checkpoint', 'test_passed', 'code_commit', 'task_completed'],
    ])
    expect(service.getAgentMetrics('a')?.lastDeliverableAt).toEqual(made?.createdAt)
  })

  it('A12 resets the clock of the time without one', () => {
    const { service, clock, told } = serviceOf({ thresholds: { maxTimeWithoutDeliverableMs: 10_000 } })
    service.start()
    clock.advance(7_000)
    service.recordDeliverable('a', 'code_commit')
    clock.advance(9_000)
    expect(service.evaluateAgent('a')).toBe('warning')
    clock.advance(1_000)
    expect(told()[0]).toBe('intervention maxTimeWithoutDeliverableMs paused')
  })

  it('A13 ends a warning for time, and not one for a count (D7)', () => {
    const { service, clock, call, told } = serviceOf({
      thresholds: { maxTimeWithoutDeliverableMs: 10_000, maxApiCalls: 10 },
    })
    clock.advance(8_000)
    expect(service.evaluateAgent('a')).toBe('warning')
    service.recordDeliverable('a', 'code_commit')
    expect(service.evaluateAgent('a')).toBe('normal')
    call(8)
    for (let i = 0; i < 5; i++) service.recordDeliverable('a', 'other')
    expect(service.evaluateAgent('a')).toBe('warning')
    expect(told().filter((text) => text.startsWith('warning maxApiCalls'))).toHaveLength(1)
  })

  it('can begin a new epoch, and can be asked for proof', () => {
    const { service, clock, call } = serviceOf(
      { ...LIMIT, resetCountersOnDeliverable: true, verifyArtifacts: true },
      { verifyArtifacts: (_, artifacts) => artifacts.includes('commit:abc') },
    )
    call(9)
    clock.advance(1_000)
    expect(service.recordDeliverable('a', 'other', 'nothing to see')?.verified).toBeUndefined()
    expect(service.recordDeliverable('a', 'code_commit', 'lies', ['commit:def'])?.verified).toBe(false)
    expect(service.getAgentMetrics('a')).toMatchObject({ apiCallsCount: 9, lastDeliverableAt: null })
    expect(service.recordDeliverable('a', 'code_commit', 'work', ['commit:abc'])?.verified).toBe(true)
    expect(service.getAgentMetrics('a')).toMatchObject({ apiCallsCount: 0, epoch: 2 })
  })

  it('is not taken more often than once a second on average (D8)', () => {
    const { service } = serviceOf()
    for (let i = 0; i < 60; i++) service.recordDeliverable('a', 'other')
    expect(() => service.recordDeliverable('a', 'other')).toThrow(/60 times a minute/)
  })
})

describe('the checker', () => {
  it('A14 judges everybody at the interval, and when a threshold of a time is reached', () => {
    const { service, clock, told } = serviceOf({
      thresholds: { maxTimeWithoutDeliverableMs: 100_000 },
      checkIntervalMs: 60_000,
    })
    clock.advance(80_000)
    expect(told()).toEqual([])
    service.start()
    expect(told()).toEqual(['warning maxTimeWithoutDeliverableMs warned'])
    clock.advance(20_000)
    expect(told()[0]).toBe('intervention maxTimeWithoutDeliverableMs paused')
  })

  it('A15 starts once, stops, and does not start while disabled', () => {
    const { service, clock, told } = serviceOf({ thresholds: { maxWallClockMs: 10_000 } })
    service.start()
    service.start()
    service.stop()
    clock.advance(60_000)
    expect(told()).toEqual([])
    const off = serviceOf({ enabled: false, thresholds: { maxWallClockMs: 10_000 } })
    off.service.start()
    off.call(10)
    off.clock.advance(3_600_000)
    expect(off.service.isEnabled()).toBe(false)
    expect(off.told()).toEqual([])
    expect(off.service.getAgentMetrics('a')).toMatchObject({ apiCallsCount: 0 })
    expect(off.service.recordDeliverable('a', 'other')).not.toBeNull()
  })
})

describe('a removed agent', () => {
  it('A17 is forgotten; its events and deliverables stay (D19)', () => {
    const { service, call, told } = serviceOf()
    call(8)
    service.recordDeliverable('a', 'other', 'kept')
    service.cleanupAgent('a')
    service.cleanupAgent('a')
    expect(service.getAgentMetrics('a')).toBeNull()
    expect(service.getResourceMetrics()).toMatchObject({ totalAgentsTracked: 0, totalWarnings: 1 })
    expect(told()).toEqual(['warning maxApiCalls warned'])
    expect(service.getDeliverables('a')).toMatchObject([{ description: 'kept' }])
    service.initializeAgent('a', 'coder')
    expect(service.getAgentMetrics('a')).toMatchObject({ apiCallsCount: 0 })
  })
})

describe('whoever carries out the actions', () => {
  /** Answers when it is told to. */
  function slowActor() {
    const orders: ActionOrder[] = []
    const answers: ((result: ActionResult | undefined) => void)[] = []
    const onAction = (order: ActionOrder) => {
      orders.push(order)
      return new Promise<ActionResult | undefined>((resolve) => answers.push(resolve))
    }
    const answer = async (result?: ActionResult) => {
      answers.shift()?.(result)
      for (let i = 0; i < 6; i++) await Promise.resolve()
    }
    return { orders, answer, onAction: onAction as ResourceExhaustionOptions['onAction'] & object }
  }

  it('is told what, whom and why', () => {
    const orders: ActionOrder[] = []
    const { service, call } = serviceOf(LIMIT, { onAction: (order) => void orders.push(order) })
    call(10)
    service.resumeAgent('a', { extraBudget: { maxApiCalls: 1 } })
    service.terminateAgent('a', 'enough')
    expect(orders).toMatchObject([
      { action: 'pause', agentId: 'a', agentType: 'coder', actor: 'budget', triggeredBy: 'maxApiCalls' },
      { action: 'resume', actor: 'caller', extraBudget: { maxApiCalls: 1 } },
      { action: 'terminate', actor: 'caller', reason: 'enough', triggeredBy: 'manual' },
    ])
  })

  it('decides when something is done: until then nothing is claimed', async () => {
    const { onAction, answer, orders } = slowActor()
    const { service, call, told } = serviceOf(LIMIT, { onAction })
    call(10)
    expect(service.isAgentPaused('a')).toBe(false)
    expect(told()[0]).toBe('intervention maxApiCalls allowed')
    await answer()
    expect(service.isAgentPaused('a')).toBe(true)
    expect(told()[0]).toBe('intervention maxApiCalls paused')
    const waiting = service.waitForResume('a')
    expect(service.resumeAgent('a')).toBe(true)
    expect(service.isAgentPaused('a')).toBe(true)
    await answer()
    expect(await waiting).toBe(true)
    expect(orders.map(({ action }) => action)).toEqual(['pause', 'resume'])
  })

  it('may refuse or fail: it is said so, and asked again at the next check', async () => {
    let result: ActionResult | Error = new Error('no such worker')
    const { service, call, told, faults } = serviceOf(LIMIT, {
      onAction: () => {
        if (result instanceof Error) throw result
        return result
      },
    })
    const refused: unknown[] = []
    service.on('refused', ({ action, result: { outcome } }) => refused.push([action, outcome]))
    call(10)
    expect(told()[0]).toBe('intervention maxApiCalls failed')
    expect(service.isAgentPaused('a')).toBe(false)
    expect(faults).toEqual([['action', 'Error: no such worker']])
    result = { outcome: 'refused', detail: 'not now' }
    service.checkAllAgents()
    expect(told()[0]).toBe('intervention maxApiCalls refused')
    expect(service.terminateAgent('a', 'enough')).toBe(false)
    expect(service.evaluateAgent('a')).toBe('intervention')
    result = { outcome: 'done' }
    service.checkAllAgents()
    expect(told()[0]).toBe('intervention maxApiCalls paused')
    expect(refused).toEqual([
      ['pause', 'failed'],
      ['pause', 'refused'],
      ['terminate', 'refused'],
    ])
  })

  it('does one thing after the other for one agent, and drops what is not wanted any more', async () => {
    const { onAction, answer, orders } = slowActor()
    const { service } = serviceOf(LIMIT, { onAction })
    const pauses = [service.pauseAgent('a', 'first'), service.pauseAgent('a', 'second')]
    expect(service.terminateAgent('a', 'enough')).toBe(true)
    expect(orders).toHaveLength(1)
    await answer()
    expect(await Promise.all(pauses)).toEqual([true, true])
    await answer()
    expect(orders.map(({ action }) => action)).toEqual(['pause', 'terminate'])
    expect(service.evaluateAgent('a')).toBe('termination')
  })

  it('answers about a life: another one under the same name is not touched by it', async () => {
    const { onAction, answer } = slowActor()
    const { service } = serviceOf(LIMIT, { onAction })
    void service.pauseAgent('a', 'late')
    service.cleanupAgent('a')
    service.initializeAgent('a', 'coder')
    await answer()
    expect(service.isAgentPaused('a')).toBe(false)
  })
})
