import type { Agent, AgentId, Incarnation, Runtime } from '../agents/model.ts'
import type { Moment } from '../platform/moment.ts'
import type { RuntimeDriver } from '../runtimes/model.ts'
import type { Admitted } from './admit.ts'
import type { ContainerStanding, Facts } from './guard.ts'
import type { HoldBoard } from './holds.ts'
import type { Keys } from './keys.ts'
import type { Ledger } from './ledger.ts'
import type { Memory } from './memory.ts'
import type { ActingLock, ActionRequest, KillSwitch } from './model.ts'
import { keyOf } from './record.ts'
import type { MemoryFacts } from './room-for.ts'

/** The agents as this room sees them. */
export interface Fleet {
  get(id: AgentId): Agent | undefined
  list(): Iterable<Agent>
}

export interface FactsDeps {
  readonly agents: Fleet
  readonly runtimes: Partial<Record<Runtime, RuntimeDriver>>
  readonly enforced: (agent: Agent) => boolean
  readonly container: (agent: Agent) => ContainerStanding | undefined
  readonly protectedPids: () => ReadonlySet<number>
  readonly mayActOn: (agent: Agent) => boolean
  readonly enforceDiscovered: () => boolean
  readonly killSwitch: Pick<KillSwitch, 'isEngaged'>
  readonly lock: Pick<ActingLock, 'isHeld'>
  readonly board: HoldBoard
  readonly ledger: Ledger
  readonly keys: Keys
  readonly memory: Memory
  readonly damaged: () => boolean
  readonly hostAvailableBytes: () => MemoryFacts['hostAvailableBytes']
}

/** Everything the guard looks at, taken in one synchronous step. */
export function gatherFacts({ request, incarnation, tree }: Admitted, deps: FactsDeps, now: Moment): Facts {
  const agent = deps.agents.get(request.agent)
  return {
    acting: deps.lock.isHeld(),
    killSwitch: deps.killSwitch.isEngaged(),
    agent,
    tree,
    supported: agent !== undefined && isSupported(request, deps.runtimes[agent.runtime]),
    container: agent === undefined ? undefined : deps.container(agent),
    protectedPids: deps.protectedPids(),
    otherUser: agent !== undefined && !deps.mayActOn(agent),
    enforced: agent !== undefined && deps.enforced(agent),
    held: incarnation !== undefined && deps.board.of(incarnation) !== undefined,
    terminal: incarnation !== undefined && deps.memory.isTerminal(incarnation),
    damaged: deps.damaged(),
    memory: {
      usedBytes: agent?.reading.workingSetBytes,
      limitBytes: agent?.reading.memoryLimitBytes,
      hostAvailableBytes: request.action === 'resize' ? deps.hostAvailableBytes() : 'not_asked',
    },
    fleet: fleetSize(deps),
    attempts: incarnation === undefined ? 0 : (deps.keys.get(keyOf(request, incarnation))?.failed ?? 0),
    deeds: deps.ledger.deeds(now),
    resetAt: deps.memory.resetAt(),
  }
}

function isSupported({ action, size }: ActionRequest, driver: RuntimeDriver | undefined): boolean {
  if (driver === undefined) return false
  return action !== 'resize' || (driver.resize !== undefined && size !== undefined)
}

/** Those that may be acted on at all: a share of agents that are only watched would be a share of nothing. */
function fleetSize({ agents, enforced, enforceDiscovered }: FactsDeps): number {
  const all = enforceDiscovered()
  let size = 0
  for (const agent of agents.list()) if (agent.endedAtMs === undefined && (all || enforced(agent))) size++
  return size
}

/** The life a request is about, when it is the present one. */
export function presentIncarnation(agents: Fleet, id: AgentId): Incarnation | undefined {
  const agent = agents.get(id)
  return agent?.endedAtMs === undefined ? agent?.incarnation : undefined
}

export function isAlive(agents: Fleet, id: AgentId, incarnation: Incarnation): boolean {
  return presentIncarnation(agents, id) === incarnation
}
