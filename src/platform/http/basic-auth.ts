import { createHmac, randomBytes } from 'node:crypto'

/** Checks one password against one bcrypt hash, off the event loop. Rejects when it cannot be done now. */
export type ComparePassword = (password: string, hash: string) => Promise<boolean>

/** The users of a web config file. */
export interface BasicAuth {
  /** Costs one bcrypt round the first time a pair is seen, whether the user exists or not. */
  verify(user: string, password: string): Promise<boolean>
}

/** Same size as exporter-toolkit's cache: a handful of scrapers, and room for a few wrong guesses. */
const CACHE_SIZE = 100
/** bcrypt hash of 16 random bytes that nobody kept, cost 10: an unknown user takes as long as a wrong password. */
const NOBODY = '$2b$10$dQpv8hWHe65LPfmLkWaQheTu/z98foFUJ9SjAyZV.BmeU2Mc3JzvG'

/**
 * Remembers verdicts under a key of this process (good and bad ones: a scraper with a wrong password would
 * otherwise burn a bcrypt round at every scrape). Equal questions that arrive together share one computation.
 */
export function createBasicAuth(users: ReadonlyMap<string, string>, compare: ComparePassword): BasicAuth {
  const secret = randomBytes(32)
  const verdicts = new Map<string, Promise<boolean>>()

  return {
    verify(user, password) {
      const hash = users.get(user)
      const key = createHmac('sha256', secret)
        .update(JSON.stringify([user, password]))
        .digest('base64')
      const known = verdicts.get(key)
      if (known !== undefined) return known
      const verdict = compare(password, hash ?? NOBODY).then((same) => same && hash !== undefined)
      verdicts.set(key, verdict)
      verdict.catch(() => verdicts.delete(key))
      if (verdicts.size > CACHE_SIZE) {
        const [oldest] = verdicts.keys()
        if (oldest !== undefined) verdicts.delete(oldest)
      }
      return verdict
    },
  }
}
