import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { findAgentToken } from './agent-token.ts'
import { type Grant, globMatcher } from './caller.ts'
import { expandScopes, type Scope } from './scope.ts'

/** One entry of `auth.tokens`. Exactly one of `hashSha256` (64 hex digits) and `file` (holds the token itself). */
export interface TokenOptions {
  readonly name: string
  readonly hashSha256?: string
  readonly file?: string
  readonly scopes: readonly Scope[]
  /** Globs over agent ids; absent = all agents. */
  readonly agents?: readonly string[]
}

/** Recognises bearer tokens. Only digests are kept. */
export interface TokenTable {
  find(token: string): Grant | undefined
  /** By SHA-256 of the token; knows no tokens of single agents. */
  findDigest(digest: Buffer): Grant | undefined
}

interface Entry {
  readonly digest: Buffer
  readonly grant: Grant
}

/** Shorter tokens can be guessed; 16 characters of base64url are 96 bits. */
const MIN_TOKEN_LENGTH = 16

/** SHA-256, by which tokens are compared. */
export const digestOf = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest()

/** A token or another secret of the configuration that cannot be used; the message names it. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
}

function readToken(file: string, where: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new TokenError(`${where}.file: ${file} cannot be read (${code})`, { cause: error })
  }
}

function entryDigest(options: TokenOptions): Buffer {
  const where = `auth.tokens[${options.name}]`
  if ((options.hashSha256 === undefined) === (options.file === undefined)) {
    throw new TokenError(`${where}: give either hashSha256 or file`)
  }
  if (options.hashSha256 !== undefined) {
    if (!/^[0-9a-f]{64}$/i.test(options.hashSha256))
      throw new TokenError(`${where}.hashSha256: not 64 hex digits`)
    return Buffer.from(options.hashSha256, 'hex')
  }
  const token = readToken(options.file as string, where)
  if (token.length < MIN_TOKEN_LENGTH) {
    throw new TokenError(`${where}.file: the token is shorter than ${MIN_TOKEN_LENGTH} characters`)
  }
  return digestOf(token)
}

function grantOf({ name, scopes, agents }: TokenOptions): Grant {
  // /metrics and administration have no single agent as their subject, so a limited token can never use them:
  // say so at start instead of refusing later.
  if (agents !== undefined) {
    const useless = scopes.find((scope) => scope === 'metrics' || scope === 'admin')
    if (useless !== undefined) {
      throw new TokenError(`auth.tokens[${name}]: a token limited to agents cannot have the scope ${useless}`)
    }
    globMatcher(agents)
  }
  return { name, kind: 'token', scopes: expandScopes(scopes), agents }
}

/**
 * Builds the table from the config and, when there is one, the control token of the data directory (all scopes);
 * with it also the tokens of single agents are known, which are derived from it.
 * @throws TokenError naming the entry when one is not usable.
 */
export function createTokenTable(tokens: readonly TokenOptions[], controlToken?: string): TokenTable {
  const entries: Entry[] = tokens.map((options) => ({
    digest: entryDigest(options),
    grant: grantOf(options),
  }))
  if (controlToken !== undefined) {
    const grant: Grant = {
      name: 'control',
      kind: 'control',
      scopes: expandScopes(['admin']),
      agents: undefined,
    }
    entries.push({ digest: digestOf(controlToken), grant })
  }
  function findDigest(digest: Buffer): Grant | undefined {
    let found: Grant | undefined
    // No early exit: the time says nothing about which entry matched.
    for (const entry of entries) {
      if (timingSafeEqual(entry.digest, digest)) found = entry.grant
    }
    return found
  }
  return {
    findDigest,
    find(token) {
      const found = findDigest(digestOf(token))
      const own = controlToken === undefined ? undefined : findAgentToken(controlToken, token)
      return found ?? own
    },
  }
}
