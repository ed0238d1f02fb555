/** Longer credentials are refused before any hashing. */
const MAX_CREDENTIALS = 4096

/** What an Authorization header holds. */
export type Credentials =
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }

/** RFC 6750 and RFC 7617. `undefined`: none presented; `'malformed'`: something else was. */
export function readCredentials(header: string | undefined): Credentials | 'malformed' | undefined {
  if (header === undefined) return undefined
  const [, scheme, value] = /^(\S+) +(\S+) *$/.exec(header.slice(0, MAX_CREDENTIALS + 1)) ?? []
  if (scheme === undefined || value === undefined || header.length > MAX_CREDENTIALS) return 'malformed'
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value }
  if (scheme.toLowerCase() !== 'basic') return 'malformed'
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return 'malformed'
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) }
}
