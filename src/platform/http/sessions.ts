import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock, Timer } from '../clock.ts'
import { digestOf } from './tokens.ts'

/** Long enough to click it, short enough that a link in a scrollback is dead. */
const LINK_LIFE_MS = 60_000
/** Nobody asked for anything: whoever sat there has gone. */
const IDLE_MS = 30 * 60_000
/** A working day. */
const LIFE_MS = 12 * 3_600_000
const MOST_LINKS = 16
const MOST_SESSIONS = 64
/** Whoever holds one token cannot push out the sessions of the others. */
const MOST_PER_TOKEN = 8
const SECRET_BYTES = 32

/** A person at a browser. What it may do hangs on the token that asked for its link, for as long as that is good. */
export interface Session {
  /** SHA-256 of that token. */
  readonly token: Buffer
  /** Wall clock: when it ends unless something is asked for before. */
  expiresAtMs(): number
  /** Whether `proof` is the one that was handed out with the cookie. */
  proves(proof: string | undefined): boolean
  /** Aborted when it ends, whatever the reason. */
  readonly ended: AbortSignal
  end(): void
}

/** One-use links and the sessions they open. In memory only: a restart of the daemon ends all of them. */
export interface SessionBook {
  /** A link for the holder of a token, given by its SHA-256. Beyond a bound the oldest link is dropped. */
  offer(token: Buffer): { readonly code: string; readonly expiresAtMs: number }
  /** Opens a session, once for each code. `undefined`: used, expired or never made. */
  enter(code: string): Entrance | undefined
  /** The session that one of these cookies belongs to. Asking is a sign of life. */
  find(cookies: readonly string[]): Session | undefined
  /** Ends what hangs on tokens that are no longer good. */
  keepOnly(isGood: (token: Buffer) => boolean): void
}

export interface Entrance {
  readonly cookie: string
  readonly proof: string
  readonly token: Buffer
  /** Gives back the session. */
  readonly session: Session
}

interface Secret {
  /** SHA-256; the secret itself is nowhere kept. */
  readonly digest: Buffer
  readonly token: Buffer
}
interface Link extends Secret {
  readonly deadline: Deadline
}
interface Kept extends Secret, Session {
  leftMs(): number
  touch(): void
}

const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

/** No early exit: the time says nothing about which entry matched. */
function pick<T extends Secret>(entries: Iterable<T>, secret: string): T | undefined {
  const digest = digestOf(secret)
  let found: T | undefined
  for (const entry of entries) if (timingSafeEqual(entry.digest, digest)) found = entry
  return found
}

interface Deadline {
  leftMs(): number
}

/**
 * The monotonic clock stands still while a laptop sleeps, and the wall clock may be set back: it is over when either
 * says so.
 */
function deadlineIn(clock: Clock, ms: number): Deadline {
  const monotonic = clock.monotonic() + ms
  const wall = clock.now() + ms
  return { leftMs: () => Math.min(monotonic - clock.monotonic(), wall - clock.now()) }
}

export function createSessionBook(clock: Clock): SessionBook {
  // Both in the order in which they were made.
  const links = new Set<Link>()
  const sessions = new Set<Kept>()
  let timer: Timer | undefined

  function open(token: Buffer, cookie: string, proof: string): Kept {
    const over = new AbortController()
    const proofDigest = digestOf(proof)
    const life = deadlineIn(clock, LIFE_MS)
    let idle = deadlineIn(clock, IDLE_MS)
    const kept: Kept = {
      digest: digestOf(cookie),
      token,
      leftMs: () => Math.min(life.leftMs(), idle.leftMs()),
      touch() {
        idle = deadlineIn(clock, IDLE_MS)
      },
      expiresAtMs: () => clock.now() + kept.leftMs(),
      proves: (given) => given !== undefined && timingSafeEqual(digestOf(given), proofDigest),
      ended: over.signal,
      end() {
        sessions.delete(kept)
        over.abort()
      },
    }
    return kept
  }

  function makeRoom(token: Buffer): void {
    const own = [...sessions].filter((session) => session.token.equals(token))
    if (own.length >= MOST_PER_TOKEN) own[0]?.end()
    else if (sessions.size >= MOST_SESSIONS) [...sessions][0]?.end()
  }

  /** Also ends sessions that nobody asks about any more, because streams of theirs may be open. */
  function sweep(): void {
    for (const link of links) if (link.deadline.leftMs() <= 0) links.delete(link)
    for (const session of sessions) if (session.leftMs() <= 0) session.end()
    timer?.cancel()
    timer = undefined
    const next = Math.min(...[...sessions].map((session) => session.leftMs()))
    if (Number.isFinite(next)) timer = clock.setTimer(Math.max(next, 1), sweep)
  }

  return {
    offer(token) {
      sweep()
      for (const oldest of links) {
        if (links.size < MOST_LINKS) break
        links.delete(oldest)
      }
      const code = newSecret()
      links.add({ digest: digestOf(code), token, deadline: deadlineIn(clock, LINK_LIFE_MS) })
      return { code, expiresAtMs: clock.now() + LINK_LIFE_MS }
    },

    enter(code) {
      sweep()
      const link = pick(links, code)
      if (link === undefined) return undefined
      links.delete(link)
      makeRoom(link.token)
      const [cookie, proof] = [newSecret(), newSecret()]
      const session = open(link.token, cookie, proof)
      sessions.add(session)
      sweep()
      return { cookie, proof, token: link.token, session }
    },

    find(cookies) {
      for (const cookie of cookies) {
        const session = pick(sessions, cookie)
        if (session === undefined) continue
        if (session.leftMs() > 0) {
          session.touch()
          return session
        }
        session.end()
      }
      return undefined
    },

    keepOnly(isGood) {
      for (const link of links) if (!isGood(link.token)) links.delete(link)
      for (const session of sessions) if (!isGood(session.token)) session.end()
    },
  }
}
