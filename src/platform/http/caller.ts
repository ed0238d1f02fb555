import type { Scope } from './scope.ts'

/**
 * How the caller was recognised. `basic` is a user of the web config file, `control` the token in the data directory,
 * `session` a person at the control page.
 */
export type CallerKind = 'anonymous' | 'basic' | 'token' | 'control' | 'session'

/** Who asks, decided once per request before anything else happens. */
export interface Caller {
  /** Name for the journal and the log: token or user name, `control`, `ui:<name of the token>`, or `anonymous`. Never a secret. */
  readonly name: string
  readonly kind: CallerKind
  /** Includes what the listed scopes imply. */
  readonly scopes: ReadonlySet<Scope>
  /** The peer's address is this machine's and no proxy announced itself. */
  readonly loopback: boolean
  /** True when the token is limited to some agents by globs. */
  readonly limited: boolean
  /**
   * May this caller read or change what belongs to `agent`? Also asked with sandbox, worker and producer ids.
   * Without a subject (`undefined`) a limited token is refused. Says nothing about the peer's uid.
   */
  mayTouch(agent: string | undefined): boolean
  /** Uid of the process at the other end of a loopback connection; undefined when it cannot be known. */
  peerUid(): Promise<number | undefined>
}

/** The part of a caller that credentials decide. */
export interface Grant {
  readonly name: string
  readonly kind: CallerKind
  readonly scopes: ReadonlySet<Scope>
  /** Globs over agent ids; undefined = all. */
  readonly agents: readonly string[] | undefined
  /** `exact`: the entries of `agents` are ids and every character stands for itself. */
  readonly match?: 'exact'
}

/** Which agents a grant covers; undefined = all. */
export function agentMatcher({ agents, match }: Grant): ((id: string) => boolean) | undefined {
  if (agents === undefined) return undefined
  return match === 'exact' ? (id) => agents.includes(id) : globMatcher(agents)
}

/** `*` is any run of characters and `?` any one; everything else stands for itself. The whole id must match. */
export function globMatcher(globs: readonly string[]): (id: string) => boolean {
  const patterns = globs.map((glob) => {
    const source = glob
      // Runs of `*` mean the same as one and would only make matching slow.
      .replaceAll(/\*+/g, '*')
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')
    return new RegExp(`^${source}$`, 's')
  })
  return (id) => patterns.some((pattern) => pattern.test(id))
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. Set before any route's own hooks run. */
    caller: Caller
  }
}
