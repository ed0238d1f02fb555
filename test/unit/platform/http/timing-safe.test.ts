import type * as Crypto from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { fakeClock } from '../../../support/fake-clock.ts'

const compared = vi.hoisted(() => [] as { readonly lengths: readonly [number, number] }[])
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof Crypto>()
  return {
    ...crypto,
    timingSafeEqual(a: Buffer, b: Buffer) {
      compared.push({ lengths: [a.length, b.length] })
      return crypto.timingSafeEqual(a, b)
    },
  }
})

const { createHash } = await import('node:crypto')
const { createSessionBook } = await import('../../../../src/platform/http/sessions.ts')
const { createTokenTable } = await import('../../../../src/platform/http/tokens.ts')
const { mintAgentToken } = await import('../../../../src/platform/http/agent-token.ts')

const DIGEST_BYTES = 32
const CONTROL = 'the-control-token-of-this-test'
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

describe('comparing a token', () => {
  const table = createTokenTable(
    ['one', 'two', 'three'].map((name) => ({ name, hashSha256: hashOf(name), scopes: ['read'] as const })),
    CONTROL,
  )
  beforeEach(() => void compared.splice(0))

  it.each([
    ['the first of the table', 'one'],
    ['the last of the table', 'three'],
    ['the control token', CONTROL],
    ['nothing', ''],
    ['one letter of the control token', 'C'],
    ['the control token but for its last letter', `${CONTROL.slice(0, -1)}x`],
    ['something long', 'x'.repeat(4_000)],
  ])('compares digests of one length with every entry, whatever matches: %s', (_, token) => {
    table.find(token)
    expect(compared).toEqual(Array(4).fill({ lengths: [DIGEST_BYTES, DIGEST_BYTES] }))
  })

  it.each([
    ['right', (token: string) => token],
    ['wrong in its first letter', (token: string) => token.replace(/[^.]{43}$/, (mac) => `A${mac.slice(1)}`)],
    ['wrong in its last letters', (token: string) => `${token.slice(0, -2)}AA`],
  ])("compares an agent's token as a digest, too: %s", (_, change) => {
    table.find(change(mintAgentToken(CONTROL, 'mine')))
    expect(compared).toEqual(Array(5).fill({ lengths: [DIGEST_BYTES, DIGEST_BYTES] }))
  })
})

describe('comparing a secret of the control page', () => {
  const book = createSessionBook(fakeClock())
  const token = createHash('sha256').update('any token').digest()
  const [first, ...others] = [1, 2, 3].map(() => book.enter(book.offer(token).code))
  const link = book.offer(token).code
  book.offer(token)

  const all = (count: number) => Array(count).fill({ lengths: [DIGEST_BYTES, DIGEST_BYTES] })
  const comparedBy = (cookie: string) => {
    compared.splice(0)
    book.find([cookie])
    return [...compared]
  }

  it.each([
    ['the first', first?.cookie ?? ''],
    ['the last', others.at(-1)?.cookie ?? ''],
    ['nothing', ''],
    ['something long', 'x'.repeat(4_000)],
  ])('looks at every session, whichever it is: %s', (_, cookie) => {
    expect(comparedBy(cookie)).toEqual(all(3))
  })

  it('looks at every link, and at a proof as a digest', () => {
    compared.splice(0)
    book.enter(`${link.slice(0, -1)}!`)
    book.enter(link)
    first?.session.proves('short')
    expect(compared).toEqual(all(5))
  })
})
