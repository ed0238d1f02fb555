import { describe, expect, it } from 'vitest'
import type { LinkAnswer, LinkRequest } from '../../../src/launch/daemon-link.ts'
import { type Enlisting, type EnlistState, enlist } from '../../../src/launch/enlist.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const BODY = { id: 'a', workspace: '/w', runtime: { pid: 7 }, enforce: false } as const

function scene() {
  const clock = fakeClock()
  const asked: LinkRequest[] = []
  const states: EnlistState[] = []
  const delays: (string | undefined)[] = []
  let answer: LinkAnswer | undefined
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
  return {
    asked,
    states,
    delays,
    say(status: number, body: Record<string, unknown> = {}) {
      answer = { status, body }
    },
    vanish() {
      answer = undefined
    },
    async begin(body: Enlisting = BODY) {
      const enlistment = enlist({
        clock,
        link: {
          async ask(request) {
            asked.push(request)
            return answer
          },
        },
        body,
        onChange: (state) => states.push(state),
        onDelay: (detail) => delays.push(detail),
      })
      await settle()
      return enlistment
    },
    async pass(ms: number) {
      for (let at = 0; at < ms; at += 100) {
        clock.advance(100)
        await settle()
      }
    },
  }
}

describe('the registration of a launched agent', () => {
  it('is one request when the daemon takes it', async () => {
    const s = scene()
    s.say(201, { incarnation: 'i1' })
    await s.begin()
    expect(s.asked).toEqual([{ method: 'POST', path: '/api/v1/agents', body: BODY }])
    expect(s.states).toEqual([{ is: 'registered', incarnation: 'i1' }])
    expect(s.delays).toEqual([])
  })

  it('is tried again ever less often while nobody answers, and says so once', async () => {
    const s = scene()
    await s.begin()
    await s.pass(60_000)
    expect(s.delays).toEqual([undefined])
    // 0, 0.5, 1.5, 3.5, 7.5, 15.5, 25.5, 35.5, 45.5, 55.5 s
    expect(s.asked).toHaveLength(10)
    s.say(201, { incarnation: 'i1' })
    await s.pass(10_000)
    expect(s.states).toEqual([{ is: 'registered', incarnation: 'i1' }])
  })

  it('takes an overloaded daemon for one that is not there yet', async () => {
    const s = scene()
    s.say(503, { code: 'AE_NOT_READY', detail: 'starting' })
    await s.begin()
    expect(s.delays).toEqual(['503 AE_NOT_READY starting'])
    expect(s.states).toEqual([])
  })

  it('is repeated when the daemon has forgotten it or knows another life', async () => {
    const s = scene()
    s.say(201, { incarnation: 'i1' })
    await s.begin()
    await s.pass(10_000)
    expect(s.asked.at(-1)).toMatchObject({ method: 'GET', path: '/api/v1/agents/a' })
    s.say(404)
    await s.pass(10_000)
    expect(s.asked.at(-1)).toMatchObject({ method: 'POST' })
  })

  it('outlives a daemon that is down for a while', async () => {
    const s = scene()
    s.say(201, { incarnation: 'i1' })
    await s.begin()
    s.vanish()
    await s.pass(30_000)
    s.say(200, { incarnation: 'i1' })
    await s.pass(20_000)
    expect(s.asked.filter(({ method }) => method === 'POST')).toHaveLength(1)
    expect(s.states).toHaveLength(1)
  })

  it('ends with a refusal that time does not change, naming what is wrong', async () => {
    const s = scene()
    s.say(422, { code: 'AE_INVALID', detail: 'no', errors: [{ path: '/budget/x', message: 'unknown' }] })
    await s.begin()
    await s.pass(60_000)
    expect(s.asked).toHaveLength(1)
    expect(s.states).toEqual([{ is: 'refused', detail: '422 AE_INVALID no /budget/x unknown' }])
  })

  it('leaves enforcement out where it may not speak of it, and only where it asked for none', async () => {
    const s = scene()
    s.say(403, { code: 'AE_FORBIDDEN' })
    await s.begin()
    const { enforce, ...less } = BODY
    expect(s.asked.map(({ body }) => body)).toEqual([BODY, less])
    expect(s.states).toEqual([{ is: 'refused', detail: '403 AE_FORBIDDEN' }])

    const strict = scene()
    strict.say(403, { code: 'AE_FORBIDDEN' })
    await strict.begin({ ...BODY, enforce: true })
    expect(strict.asked).toHaveLength(1)
    expect(enforce).toBe(false)
  })

  it('believes a conflict only when it lasts: a former life may just have ended', async () => {
    const s = scene()
    s.say(409, { code: 'AE_AGENT_CONFLICT' })
    await s.begin()
    expect(s.states).toEqual([])
    s.say(201, { incarnation: 'i2' })
    await s.pass(1_000)
    expect(s.states).toEqual([{ is: 'registered', incarnation: 'i2' }])

    const lasting = scene()
    lasting.say(409, { code: 'AE_AGENT_CONFLICT' })
    await lasting.begin()
    await lasting.pass(5_000)
    expect(lasting.states).toEqual([{ is: 'refused', detail: '409 AE_AGENT_CONFLICT' }])
  })

  it('says nothing any more once it is stopped', async () => {
    const s = scene()
    const enlistment = await s.begin()
    enlistment.stop()
    s.say(201)
    await s.pass(60_000)
    expect(s.asked).toHaveLength(1)
    expect(s.states).toEqual([])
  })
})
