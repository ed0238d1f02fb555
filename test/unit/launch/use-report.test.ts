import { describe, expect, it } from 'vitest'
import type { LinkAnswer, LinkRequest } from '../../../src/launch/daemon-link.ts'
import { createUseReport } from '../../../src/launch/use-report.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function scene(status: number | undefined) {
  const clock = fakeClock()
  const asked: LinkRequest[] = []
  let unknown = 0
  let answer: LinkAnswer | undefined = status === undefined ? undefined : { status, body: {} }
  const report = createUseReport({
    clock,
    id: 'a',
    link: {
      async ask(request) {
        asked.push(request)
        return answer
      },
    },
    onUnknown: () => unknown++,
  })
  return {
    clock,
    asked,
    report,
    unknown: () => unknown,
    say(next: number) {
      answer = { status: next, body: {} }
    },
    async pass(ms: number) {
      for (let at = 0; at < ms; at += 500) {
        clock.advance(500)
        for (let i = 0; i < 10; i++) await Promise.resolve()
      }
    },
  }
}

const sent = (asked: LinkRequest[]) => asked.map(({ body }) => (body as { subtasks: number }).subtasks)

describe('subtasks told to the daemon', () => {
  it('are one record with its source', async () => {
    const s = scene(200)
    s.report.add(0)
    s.report.add(2)
    await s.pass(500)
    expect(s.asked).toMatchObject([
      { method: 'POST', path: '/api/v1/agents/a/usage', body: { subtasks: 2, source: 'run' } },
    ])
  })

  it('are sent again under the same key, and newer ones added up behind them', async () => {
    const s = scene(undefined)
    s.report.add(1)
    await s.pass(500)
    s.report.add(2)
    s.report.add(3)
    await s.pass(20_000)
    expect(new Set(s.asked.map((request) => request.idempotencyKey)).size).toBe(1)
    s.say(200)
    await s.pass(20_000)
    expect(sent(s.asked).slice(-2)).toEqual([1, 5])
    expect(await s.report.flush(100)).toBe(0)
  })

  it('ask for a registration when the agent is unknown', async () => {
    const s = scene(404)
    s.report.add(1)
    await s.pass(500)
    expect(s.unknown()).toBe(1)
  })

  it('are counted as lost when the end comes first', async () => {
    const s = scene(undefined)
    s.report.add(4)
    await s.pass(500)
    s.report.add(1)
    const lost = s.report.flush(2_000)
    await s.pass(2_000)
    expect(await lost).toBe(5)
  })

  it('are not offered again when they are refused', async () => {
    const s = scene(409)
    s.report.add(1)
    await s.pass(20_000)
    expect(s.asked).toHaveLength(1)
  })
})
