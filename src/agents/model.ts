import { createHash } from 'node:crypto'
import type { ProcessKey, ReadDepth } from '../platform/proc/process.ts'
import { cleanText } from '../platform/text.ts'
import type { History } from './history.ts'
import type { Reading } from './reading.ts'

/** What an agent is called everywhere: in labels, routes and the journal. Matches `AGENT_ID`. */
export type AgentId = string

export const AGENT_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$'
const AGENT_ID = new RegExp(AGENT_ID_PATTERN)

export function isAgentId(text: string | undefined): text is AgentId {
  return text !== undefined && AGENT_ID.test(text)
}

/** What can be measured and acted on. `cooperative`: registered without a runtime, it only tells about itself. */
export type Runtime = 'process' | 'container' | 'cooperative'

/**
 * How we came to know it. `discovered`: a known command; `environment`: its own environment names it;
 * `labelled`: a container label; `registered`: over the API. Only the last three chose their id.
 */
export type Origin = 'discovered' | 'registered' | 'labelled' | 'environment'

export const AGENT_STATES = ['starting', 'running', 'idle', 'waiting', 'paused', 'exited'] as const
export type AgentState = (typeof AGENT_STATES)[number]

/**
 * One life of an agent as a string: nothing is ever acted on, accumulated or remembered under the id alone.
 * Two equal strings are the same life, whatever the daemon did in between.
 */
export type Incarnation = string

/** Where process ids are unique: this boot of this kernel, this pid namespace (inode of `/proc/self/ns/pid`). */
export interface ProcessSpace {
  readonly bootId: string
  readonly pidNamespace: string
}

export function processIncarnation(space: ProcessSpace, key: ProcessKey): Incarnation {
  return `${space.bootId}:${space.pidNamespace}:${key.pid}:${key.startTime}`
}

export function containerIncarnation(id: string, startedAt: string): Incarnation {
  return `${id}:${startedAt}`
}

/** The id of the container that this is a life of. */
export function containerOf(incarnation: Incarnation): string {
  return incarnation.slice(0, incarnation.indexOf(':'))
}

export function cooperativeIncarnation(id: AgentId, registeredAtMs: number): Incarnation {
  return `registration:${id}:${registeredAtMs}`
}

/** The id of a discovered agent: the same after a restart of the daemon, another after a reuse of the pid. */
export function discoveredId(vendor: string, space: ProcessSpace, key: ProcessKey): AgentId {
  const text = `${space.bootId}:${key.pid}:${key.startTime}`
  return `${vendor}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
}

/** What is said about an agent rather than measured. */
export interface AgentInfo {
  readonly name: string
  readonly role: string | undefined
  readonly vendor: string | undefined
  /** Absolute path, or whatever the agent or its label said. Shown as a basename unless `exposePaths`. */
  readonly workspace: string | undefined
}

const LONGEST_WORD = 128
const LONGEST_PATH = 4_096

/** Variables, container labels and requests all end here: whatever an agent says of itself is safe to show. */
export function presentable<Info extends Partial<AgentInfo>>(info: Info): Info {
  const cleaned = { ...info }
  for (const key of ['name', 'role', 'vendor', 'workspace'] as const) {
    const text = info[key]
    if (text === undefined) continue
    Object.assign(cleaned, { [key]: cleanText(text, key === 'workspace' ? LONGEST_PATH : LONGEST_WORD) })
  }
  return cleaned
}

/** What is not known yet is filled in, nothing is overwritten: an agent cannot change its role by asking again. */
export function filled(
  info: AgentInfo,
  { name, role, vendor, workspace }: Partial<AgentInfo>,
  id: AgentId,
): AgentInfo {
  return {
    name: info.name === id ? (name ?? info.name) : info.name,
    role: info.role ?? role,
    vendor: info.vendor ?? vendor,
    workspace: info.workspace ?? workspace,
  }
}

/**
 * One agent as every room sees it. The same object for the whole incarnation; the registry alone writes to it.
 * Another incarnation of the same id is another object.
 */
export interface Agent {
  readonly id: AgentId
  /** Counts up as agents are created: newest agents are the first that the series cap leaves out. */
  readonly ordinal: number
  readonly runtime: Runtime
  readonly incarnation: Incarnation
  readonly origin: Origin
  readonly info: AgentInfo
  readonly state: AgentState
  /** Wall clock, milliseconds. */
  readonly startedAtMs: number
  readonly endedAtMs: number | undefined
  readonly lastActivityAtMs: number | undefined
  /** Another live incarnation claims the id: measured, never acted on. */
  readonly conflict: boolean
  /**
   * Real uid of the process; of whoever registered it, if the agent has no runtime and its caller showed no
   * credentials; undefined for containers.
   */
  readonly uid: number | undefined
  readonly reading: Reading
  readonly history: History
}

/** What the room tells the others on the bus. `resumed`: the incarnation was known before the daemon restarted. */
export type AgentEvents = {
  'agent.discovered': { readonly agent: Agent; readonly resumed: boolean }
  'agent.registered': { readonly agent: Agent }
  'agent.started': { readonly agent: Agent; readonly resumed: boolean }
  'agent.exited': { readonly agent: Agent }
  /** Taken out of the registry by a person; nobody waits for it any more. */
  'agent.removed': { readonly agent: Agent }
  /** Every live agent has a new reading. `atMs` is monotonic. */
  sample: { readonly atMs: number; readonly depth: ReadDepth }
}
