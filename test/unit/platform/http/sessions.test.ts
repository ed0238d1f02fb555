import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSessionBook } from '../../../../src/platform/http/sessions.ts'
import { digestOf } from '../../../../src/platform/http/tokens.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const TOKEN = digestOf('the token that asked')

function book() {
  const clock = fakeClock()
  const sessions = createSessionBook(clock)
  const signIn = (token = TOKEN) => {
    const entrance = sessions.enter(sessions.offer(token).code)
    if (entrance === undefined) throw new Error('a new link opened nothing')
    return entrance
  }
  const isOpen = ({ cookie }: { cookie: string }) => sessions.find([cookie]) !== undefined
  return { clock, sessions, signIn, isOpen }
}

describe('a link', () => {
  it('opens one session, whoever else tries at the same time', async () => {
    const { sessions } = book()
    const { code } = sessions.offer(TOKEN)
    const tries = await Promise.all(Array.from({ length: 20 }, async () => sessions.enter(code)))
    expect(tries.filter((entrance) => entrance !== undefined)).toHaveLength(1)
  })

  it('lives for a minute', () => {
    const { clock, sessions } = book()
    const { code, expiresAtMs } = sessions.offer(TOKEN)
    expect(expiresAtMs - clock.now()).toBe(MINUTE)
    const { code: another } = sessions.offer(TOKEN)
    clock.advance(MINUTE - 1)
    expect(sessions.enter(code)).toBeDefined()
    clock.advance(1)
    expect(sessions.enter(another)).toBeUndefined()
  })

  it('is 256 random bits, and nothing else opens anything', () => {
    const { sessions } = book()
    const { code } = sessions.offer(TOKEN)
    expect(code).toMatch(/^[A-Za-z0-9_-]{43}$/)
    const changed = `${code.slice(0, -4)}${code.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
    for (const wrong of ['', changed, code.slice(1), `${code}=`, digestOf(code).toString('hex')])
      expect(sessions.enter(wrong)).toBeUndefined()
    expect(sessions.enter(code)).toBeDefined()
  })

  it('gives way to newer ones beyond sixteen that nobody opened', () => {
    const { sessions } = book()
    const codes = Array.from({ length: 17 }, () => sessions.offer(TOKEN).code)
    expect(codes.map((code) => sessions.enter(code) !== undefined)).toEqual([
      false,
      ...Array<boolean>(16).fill(true),
    ])
  })
})

describe('a session', () => {
  it('is found by its cookie among those that others set, and by nothing else', () => {
    const { sessions, signIn } = book()
    const { cookie, proof, session } = signIn()
    expect(sessions.find(['x'.repeat(43), cookie])).toBe(session)
    expect(sessions.find([proof])).toBeUndefined()
    expect(sessions.find([])).toBeUndefined()
    expect(session.token).toBe(TOKEN)
  })

  it('is proved by its own proof only', () => {
    const { signIn } = book()
    const [one, other] = [signIn(), signIn()]
    expect(one.session.proves(one.proof)).toBe(true)
    for (const wrong of [undefined, '', other.proof, one.cookie])
      expect(one.session.proves(wrong)).toBe(false)
  })

  it('ends after half an hour in which nobody asked, and not before', () => {
    const { clock, signIn, isOpen } = book()
    const entrance = signIn()
    for (let time = 0; time < 3 * HOUR; time += 29 * MINUTE) {
      expect(isOpen(entrance)).toBe(true)
      clock.advance(29 * MINUTE)
    }
    expect(isOpen(entrance)).toBe(true)
    clock.advance(30 * MINUTE)
    expect(isOpen(entrance)).toBe(false)
  })

  it('ends after twelve hours however busy it was, and says so before', () => {
    const { clock, sessions, signIn } = book()
    const { cookie } = signIn()
    const end = clock.now() + 12 * HOUR
    while (clock.now() < end) {
      const session = sessions.find([cookie])
      expect(session?.expiresAtMs()).toBe(Math.min(end, clock.now() + 30 * MINUTE))
      clock.advance(10 * MINUTE)
    }
    expect(sessions.find([cookie])).toBeUndefined()
  })

  it('tells its streams that it has ended without being asked', () => {
    const { clock, signIn } = book()
    const { session } = signIn()
    clock.advance(30 * MINUTE - 1)
    expect(session.ended.aborted).toBe(false)
    clock.advance(1)
    expect(session.ended.aborted).toBe(true)
  })

  it('ends while the machine sleeps, and does not live longer when the wall clock is set back', () => {
    const { clock, signIn, isOpen } = book()
    const slept = signIn()
    clock.jumpWall(31 * MINUTE)
    expect(isOpen(slept)).toBe(false)
    const setBack = signIn()
    clock.jumpWall(-5 * HOUR)
    clock.advance(30 * MINUTE)
    expect(isOpen(setBack)).toBe(false)
  })

  it('ends when it is signed out', () => {
    const { signIn, isOpen } = book()
    const [one, other] = [signIn(), signIn()]
    one.session.end()
    expect([isOpen(one), isOpen(other), one.session.ended.aborted]).toEqual([false, true, true])
  })

  it('ends with the token it hangs on, and so do links', () => {
    const { sessions, signIn, isOpen } = book()
    const gone = digestOf('a token that was taken back')
    const [kept, ended] = [signIn(), signIn(gone)]
    const [keptLink, endedLink] = [sessions.offer(TOKEN), sessions.offer(gone)]
    sessions.keepOnly((token) => token.equals(TOKEN))
    expect([isOpen(kept), isOpen(ended), ended.session.ended.aborted]).toEqual([true, false, true])
    expect(sessions.enter(endedLink.code)).toBeUndefined()
    expect(sessions.enter(keptLink.code)).toBeDefined()
  })

  it('gives way to the ninth of its token, and no other token loses one by it', () => {
    const { signIn, isOpen } = book()
    const another = signIn(digestOf('another token'))
    const own = Array.from({ length: 9 }, () => signIn())
    expect(own.map(isOpen)).toEqual([false, ...Array<boolean>(8).fill(true)])
    expect(isOpen(another)).toBe(true)
  })

  it('gives way when there are sixty-four, the oldest first', () => {
    const { signIn, isOpen } = book()
    const all = Array.from({ length: 66 }, (_, index) => signIn(digestOf(String(index))))
    expect(all.map(isOpen)).toEqual([false, false, ...Array<boolean>(64).fill(true)])
  })
})

type Step = readonly ['offer' | 'enter' | 'wait' | 'ask' | 'end', number]

it('never opens twice, never outlives its bounds, never exceeds them, in any order of events', () => {
  const step = fc.tuple(
    fc.constantFrom<Step[0]>('offer', 'enter', 'wait', 'ask', 'end'),
    fc.nat({ max: 40 * MINUTE }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { clock, sessions } = book()
      const offered: { code: string; at: number; used: boolean }[] = []
      const opened: { cookie: string; at: number; asked: number; over: boolean }[] = []
      for (const [what, amount] of steps) {
        const now = clock.monotonic()
        if (what === 'wait') clock.advance(amount)
        if (what === 'offer') offered.push({ code: sessions.offer(TOKEN).code, at: now, used: false })
        const link = offered[amount % Math.max(offered.length, 1)]
        if (what === 'enter' && link !== undefined) {
          const entrance = sessions.enter(link.code)
          if (entrance !== undefined) {
            expect([link.used, now - link.at < MINUTE]).toEqual([false, true])
            link.used = true
            opened.push({ cookie: entrance.cookie, at: now, asked: now, over: false })
          }
        }
        const one = opened[amount % Math.max(opened.length, 1)]
        if (one === undefined) continue
        if (what === 'end') {
          sessions.find([one.cookie])?.end()
          one.over = true
        }
        if (what === 'ask') {
          const isOpen = sessions.find([one.cookie]) !== undefined
          if (isOpen)
            expect([one.over, now - one.asked < 30 * MINUTE, now - one.at < 12 * HOUR]).toEqual([
              false,
              true,
              true,
            ])
          one.over ||= !isOpen
          one.asked = now
        }
      }
      expect(opened.filter(({ cookie }) => sessions.find([cookie])).length).toBeLessThanOrEqual(8)
    }),
    { numRuns: 200 },
  )
})
