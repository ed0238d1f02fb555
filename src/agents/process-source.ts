import { Problem } from '../platform/problem.ts'
import type {
  ProcessEntry,
  ProcessIdentity,
  ProcessKey,
  ProcessTable,
  ReadDepth,
} from '../platform/proc/process.ts'
import type { Thoroughness, TreeSnapshot } from '../runtimes/model.ts'
import { type Candidates, createCandidates } from './candidates.ts'
import { type CommandMatch, type Marker, matchCommand, readMarker } from './identify.ts'
import type { Tree } from './membership.ts'
import { type Agent, type AgentId, type AgentInfo, discoveredId, processIncarnation } from './model.ts'
import { createProcessFleet, type ProcessAgent, type ProcessFleetOptions } from './process-fleet.ts'
import type { Quota } from './quota.ts'
import { countersOf, type MemoryReading } from './reading.ts'

export interface ProcessSourceOptions extends Omit<ProcessFleetOptions, 'isAlive' | 'table'> {
  readonly table: ProcessTable
  readonly quota: Quota
  /** Whether agents are found without being registered. */
  readonly discover: () => boolean
  /** Names of agent programs. */
  readonly commands: () => ReadonlySet<string>
  /** Whether a process runs in the control group of a container that is an agent itself. */
  readonly inContainer: (pid: number) => boolean
}

/** Finds agents among the processes of the host and measures them. */
export interface ProcessSource {
  /** Takes the changes of the process table, and whoever was identified in the meantime. */
  update(): Promise<void>
  /** Reads every agent's processes. */
  read(depth: ReadDepth): Promise<void>
  /** Its memory now; undefined when it cannot be read at once and whole. */
  look(agent: Agent): MemoryReading | undefined
  /** Asks who the new processes are; what comes of it is taken by the next `update`. */
  identify(): Promise<void>
  /** Makes a live process the agent `id`. @throws Problem AE_RUNTIME_GONE, AE_AGENT_CONFLICT */
  register(pid: number, id: AgentId, info: Partial<AgentInfo>): Registration
  /** Whether the process's own environment names this agent. */
  namesItself(pid: number, id: AgentId): Promise<boolean>
  /** Processes of a live agent, as `Target` snapshots need them. */
  tree(agent: Agent): Tree | undefined
  /** The same after a pass of its own over the process table; `undefined` when the tree has ended. */
  snapshot(agent: Agent, thoroughness?: Thoroughness): Promise<TreeSnapshot | undefined>
  /** Lets go of the processes of an agent that was taken out of the registry. */
  release(agent: Agent): void
  /** Gives away agents whose root turns out to run in a container that is an agent itself. */
  yieldToContainers(): void
  readonly candidates: Candidates
  /** What is kept, for tests of growth. */
  size(): Readonly<Record<'agents' | 'members' | 'processes' | 'remembered', number>>
}

export interface Registration {
  readonly agent: Agent
  readonly created: boolean
}

/** Nobody nests deeper, and a table read while it changes could show a ring. */
const MOST_ANCESTORS = 64
/** As many are looked at per snapshot. */
const MOST_STRAYS = 256
/** A look takes a tenth of a millisecond; one that hangs is given up by the slow lane after a second. */
const STRAYS_WITHIN_MS = 1_500

export function createProcessSource(options: ProcessSourceOptions): ProcessSource {
  const { clock, registry, table, slow, space, quota, commands, inContainer } = options
  const fleet = createProcessFleet({ ...options, isAlive })
  let isFirst = true
  const candidates = createCandidates({ clock, slow, commands, isAlive })

  function isAlive({ pid, startTime }: ProcessKey): boolean {
    return table.get(pid)?.startTime === startTime
  }

  function consider(entry: ProcessEntry): void {
    // Threads of the kernel are children of kthreadd, which is process 2.
    if (entry.ppid === 2 || entry.pid === 2) return
    // Also where nobody is to be discovered: it may have left an agent, and bear its marker.
    if (isFirst && !options.discover()) return
    const isMember = fleet.memberOf(entry.pid) !== undefined
    candidates.add(entry, isFirst ? 'settled' : isMember ? 'member' : 'new')
  }

  function takeIdentified(): void {
    for (const { entry, identity } of candidates.take()) {
      if (!isAlive(entry)) continue
      if (options.discover()) place(entry, identity)
      // Looked at because somebody acts on the tree it may have left.
      else if (identity !== undefined && fleet.around(entry.pid) === undefined) {
        joins(entry, readMarker(identity.environment))
      }
    }
  }

  function place(entry: ProcessEntry, identity: ProcessIdentity | undefined): void {
    const { comm } = table.get(entry.pid)!
    const match = matchCommand(identity?.argv ?? [], comm, commands())
    const marker = identity === undefined ? undefined : readMarker(identity.environment)
    const owner = fleet.around(entry.pid)
    if (owner === undefined) {
      if (joins(entry, marker) || (match === undefined && marker === undefined)) return
      if (mustWait(entry) || inContainer(entry.pid)) return
      // A zombie has no command line any more, but still a name.
      if (match?.how === 'comm' && fleet.isZombie(entry)) return
      discover(entry, ownMarker(entry, marker), match, identity?.cwd)
    } else if (owner.tree.root.pid === entry.pid) {
      // Registered before anybody looked, or looked at again after an exec.
      owner.markerId ??= marker?.id
      registry.describe(owner.agent, { vendor: match?.vendor, workspace: identity?.cwd })
    } else if (fleet.memberOf(entry.pid)?.kind === 'worker') {
      placeMember(entry, owner, marker, match, identity?.cwd)
    }
  }

  /**
   * Outermost match wins: what an agent starts belongs to it, whichever program it is, unless the environment says
   * that this is somebody else. The inherited marker of the agent itself says nothing new.
   */
  function placeMember(
    entry: ProcessEntry,
    owner: ProcessAgent,
    marker: Marker | undefined,
    match: CommandMatch | undefined,
    cwd: string | undefined,
  ): void {
    if (marker !== undefined && marker.id !== owner.agent.id && marker.id !== owner.markerId) {
      discover(entry, ownMarker(entry, marker), match, cwd)
    } else if (match !== undefined && match.vendor === owner.agent.info.vendor) {
      owner.core.add(entry.pid)
    }
  }

  /** The outermost match is the agent: nobody is judged before everybody above it. */
  function mustWait(entry: ProcessEntry): boolean {
    let isWaiting = false
    let above = table.get(entry.ppid)
    for (let depth = 0; above !== undefined && above.pid > 1 && depth < MOST_ANCESTORS; depth++) {
      if (candidates.isPending(above)) {
        isWaiting = true
        candidates.hurry(above)
      }
      above = table.get(above.ppid)
    }
    if (isWaiting) candidates.hurry(entry)
    return isWaiting
  }

  /** An escaped process that names the life it comes from returns to it (CONTROL §1). */
  function joins(entry: ProcessEntry, marker: Marker | undefined): boolean {
    if (marker?.incarnation === undefined) return false
    const agent = registry.get(marker.id)
    const owner = agent === undefined ? undefined : fleet.of(agent)
    if (owner === undefined || owner.agent.incarnation !== marker.incarnation) return false
    // What another user wrote into a variable makes nobody responsible for that user's process.
    const isOwn = entry.uid === 0 || owner.agent.uid === undefined || entry.uid === owner.agent.uid
    return isOwn && fleet.adopt(entry, owner)
  }

  /** What is left of an ended agent still bears its marker, but it is not the agent's next life. */
  function ownMarker(entry: ProcessKey, marker: Marker | undefined): Marker | undefined {
    if (marker?.incarnation === undefined) return marker
    return marker.incarnation === processIncarnation(space, entry) ? marker : undefined
  }

  function discover(
    entry: ProcessEntry,
    named: Marker | undefined,
    match: CommandMatch | undefined,
    cwd: string | undefined,
  ): void {
    const { uid } = entry
    const before = named === undefined ? undefined : registry.get(named.id)
    const known = before?.endedAtMs !== undefined || before?.runtime === 'cooperative'
    // Root could do anything anyway; for all others names are not free.
    const marker = known || uid === 0 || (named && quota.take(uid, clock.monotonic())) ? named : undefined
    if (marker === undefined && match === undefined) return
    const substitute = discoveredId(match?.vendor ?? 'agent', space, entry)
    const origin = marker === undefined ? 'discovered' : 'environment'
    const info = { role: marker?.role, vendor: match?.vendor, workspace: marker?.workspace ?? cwd }
    const wanted = marker?.id ?? substitute
    const beginning = { wanted, origin, info, markerId: marker?.id } as const
    if (fleet.begin(entry, { ...beginning, id: wanted }) === 'conflict') {
      fleet.begin(entry, { ...beginning, id: substitute })
    }
  }

  /**
   * Only an id that we made up ourselves may be replaced by one that somebody chose: of a process that nobody named,
   * and of one whose name belonged to another life when it was found.
   */
  function rename(owner: ProcessAgent): void {
    const { agent, markerId } = owner
    const isMadeUp =
      agent.origin === 'discovered' || (agent.origin === 'environment' && agent.id !== markerId)
    if (!isMadeUp) {
      throw new Problem('AE_AGENT_CONFLICT', `This process is already the agent ${owner.agent.id}.`)
    }
    registry.release(owner.agent)
    fleet.drop(owner)
  }

  /**
   * What the table found is taken in the turn it was found in: passes of the sampler and of snapshots come in any
   * order, and changes taken in another order than they were seen would bring the dead back. The portable table,
   * which has to wait, lists once for all who ask meanwhile.
   */
  async function pass(): Promise<void> {
    const refreshed = table.refresh()
    const changes = refreshed instanceof Promise ? await refreshed : refreshed
    fleet.apply(changes)
    for (const entry of changes.appeared) consider(entry)
    for (const entry of changes.renamed) consider(entry)
    isFirst = false
  }

  /**
   * Who left the tree faster than anybody could follow (a double fork into a session of its own) is known by its
   * environment alone, and whoever acts on the tree cannot wait until its turn comes: everybody who might be such a
   * stray and was not looked at yet is looked at now. Only who verifies waits for the answers: what is known is stopped
   * at once.
   */
  async function meetStrays(agent: Agent, thoroughness: Thoroughness | undefined): Promise<void> {
    const root = fleet.of(agent)?.tree.root
    if (root === undefined) return
    // Whose parents have ended is given to an ancestor of theirs (PR_SET_CHILD_SUBREAPER) or to process 1.
    const reapers = ancestorsOf(root.pid)
    const answers: Promise<void>[] = []
    for (const entry of table.entries()) {
      if (entry.ended !== undefined || entry.startTime < root.startTime) continue
      if (!reapers.has(entry.ppid)) continue
      if (fleet.memberOf(entry.pid) !== undefined) continue
      const answer = candidates.peek(entry)
      if (answer !== undefined && answers.push(answer) >= MOST_STRAYS) break
    }
    if (answers.length > 0 && thoroughness === 'strays') await inTime(Promise.all(answers))
    takeIdentified()
  }

  function ancestorsOf(pid: number): ReadonlySet<number> {
    const found = new Set([0, 1])
    let above = table.get(table.get(pid)?.ppid ?? 0)
    for (let depth = 0; above !== undefined && depth < MOST_ANCESTORS; depth++) {
      found.add(above.pid)
      above = table.get(above.ppid)
    }
    return found
  }

  async function inTime(answered: Promise<unknown>): Promise<void> {
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => {
      const timer = clock.setTimer(STRAYS_WITHIN_MS, resolve)
      cancel = () => timer.cancel()
    })
    await Promise.race([answered, late])
    cancel()
  }

  return {
    candidates,
    identify: () => candidates.drain(),

    async update() {
      await pass()
      takeIdentified()
    },

    read: fleet.read,
    look: fleet.look,

    register(pid, id, info) {
      const entry = table.get(pid)
      if (entry === undefined) throw new Problem('AE_RUNTIME_GONE', `There is no process ${pid}.`)
      const owner = fleet.around(pid)
      const root = owner?.tree.root.pid === pid ? owner : undefined
      if (root !== undefined && root.agent.id === id) {
        registry.describe(root.agent, info)
        registry.register(root.agent)
        return { agent: root.agent, created: false }
      }
      const holder = registry.get(id)
      if (holder !== undefined && holder.endedAtMs === undefined && holder.runtime !== 'cooperative') {
        throw new Problem('AE_AGENT_CONFLICT', `Another live process or container is the agent ${id}.`)
      }
      if (root !== undefined) rename(root)
      const begun = fleet.begin(entry, {
        id,
        wanted: id,
        origin: 'registered',
        info: { ...root?.agent.info, name: id, ...info },
        markerId: root?.markerId,
        ...(root === undefined ? {} : { counters: countersOf(root.agent.reading) }),
      })
      if (begun === 'conflict' || begun === undefined) {
        throw new Problem('AE_AGENT_CONFLICT', `Another live incarnation is the agent ${id}.`)
      }
      return { agent: begun.agent, created: true }
    },

    async namesItself(pid, id) {
      const entry = table.get(pid)
      if (entry === undefined) return false
      const identity = await slow.identify(entry)
      return typeof identity === 'object' && readMarker(identity.environment)?.id === id
    },

    tree: (agent) => fleet.of(agent)?.tree,

    async snapshot(agent, thoroughness) {
      await pass()
      await meetStrays(agent, thoroughness)
      return fleet.snapshot(agent)
    },

    release(agent) {
      const owner = fleet.of(agent)
      if (owner !== undefined) fleet.drop(owner)
    },

    yieldToContainers() {
      for (const owner of [...fleet.all()]) {
        if (!inContainer(owner.tree.root.pid)) continue
        registry.release(owner.agent)
        fleet.drop(owner)
      }
    },

    size: fleet.size,
  }
}
