import { describe, expect, it } from 'vitest'
import { ResourceExhaustionService } from '../../../src/index.ts'
import { createWorld, type Reply } from '../client/daemon.ts'

const answered = (status: string, more: object = {}): Reply => ({
  status: 202,
  body: { actionId: 'x1', status, ...more },
})

function setUp() {
  const world = createWorld()
  const faults: string[] = []
  const service = new ResourceExhaustionService({
    clock: world.clock,
    config: { thresholds: { maxApiCalls: 2 } },
    client: () => world.client,
    onFault: (error) => faults.push(String(error)),
  })
  service.initializeAgent('mine', 'coder')
  const actionTaken = () => service.getRecentEvents(1)[0]?.actionTaken
  const exhaust = () => {
    service.recordApiCall('mine')
    service.recordApiCall('mine')
  }
  return { ...world, service, faults, actionTaken, exhaust }
}

describe('actions through the daemon', () => {
  it('are asked for with the reason, and done when the daemon has verified them', async () => {
    const { service, answer, pass, asked, actionTaken, exhaust } = setUp()
    answer(answered('done', { rung: 'freezer' }))
    exhaust()
    expect(service.isAgentPaused('mine')).toBe(false)
    await pass(0)
    expect(service.isAgentPaused('mine')).toBe(true)
    expect(actionTaken()).toBe('paused')
    service.resumeAgent('mine', { extraBudget: { maxApiCalls: 4 } })
    await pass(0)
    service.terminateAgent('mine', 'enough')
    await pass(0)
    expect(asked.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['POST', '/api/v1/agents/mine/pause?wait=60s', { reason: 'api_calls: 2 of 2 calls used' }],
      ['POST', '/api/v1/agents/mine/resume?wait=60s', { reason: 'resumed', extraBudget: { maxApiCalls: 4 } }],
      ['POST', '/api/v1/agents/mine/terminate?wait=60s', { reason: 'enough' }],
    ])
    expect(service.evaluateAgent('mine')).toBe('termination')
  })

  it.each([
    ['noop', 'paused'],
    ['refused', 'refused'],
    ['dry_run', 'dry_run'],
    ['pending_approval', 'pending_approval'],
    ['partial', 'failed'],
    ['intended', 'failed'],
  ])('are told as they ended: %s is told as %s', async (status, told) => {
    const { service, answer, pass, actionTaken, exhaust } = setUp()
    answer(answered(status, { refusal: 'kill_switch' }))
    exhaust()
    await pass(0)
    expect(actionTaken()).toBe(told)
    expect(service.isAgentPaused('mine')).toBe(told === 'paused')
  })

  it('fail when the daemon refuses the caller, and nothing is claimed', async () => {
    const { service, answer, pass, faults, actionTaken, exhaust } = setUp()
    answer({ status: 403, body: { code: 'AE_FORBIDDEN', detail: 'needs the scope control', status: 403 } })
    exhaust()
    await pass(0)
    expect(actionTaken()).toBe('failed')
    expect(service.isAgentPaused('mine')).toBe(false)
    expect(faults).toEqual(['DaemonError: needs the scope control'])
  })

  it('go either to the daemon or to a callback', () => {
    const { client } = setUp()
    expect(() => new ResourceExhaustionService({ client: () => client, onAction: () => {} })).toThrow(
      TypeError,
    )
  })
})
