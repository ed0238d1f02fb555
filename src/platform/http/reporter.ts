import type { Caller } from './caller.ts'

/**
 * Who tells something: another daemon goes by the name of its own token. Whoever shows no token of a daemon (nobody's,
 * the control token, an agent's own) is of this host, whose daemon is `daemonId`.
 */
export function reporterOf({ kind, name }: Pick<Caller, 'kind' | 'name'>, daemonId: string): string {
  const isDaemon = (kind === 'token' && !name.startsWith(AGENT_TOKEN)) || kind === 'basic'
  return isDaemon ? name : daemonId
}

/** What the names of the tokens of single agents begin with (`agent-token.ts`). */
const AGENT_TOKEN = 'agent:'
