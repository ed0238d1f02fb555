import type { Clock } from '../platform/clock.ts'
import {
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessKey,
  type ProcessTable,
  withUidNow,
} from '../platform/proc/process.ts'
import { ancestors } from './ancestors.ts'
import type { Candidates } from './candidates.ts'
import { type CommandMatch, type Marker, matchCommand, readMarker } from './identify.ts'
import { discoveredId, type ProcessSpace, processIncarnation } from './model.ts'
import type { ProcessFleet } from './process-fleet.ts'
import type { ProcessAgent } from './process-roster.ts'
import type { Quota } from './quota.ts'
import type { Registry } from './registry.ts'

/** Which processes are agents, and whose those are that are none: by command line, name and environment. */
export interface Discovery {
  /**
   * A process that is new, or that has called exec, is to be identified. `settled`: it ran before anybody looked.
   * What comes of it is taken by `takeIdentified`.
   */
  consider(entry: ProcessEntry, age: 'settled' | 'new'): void
  /** Judges whoever was identified since the last call. */
  takeIdentified(): void
}

export interface DiscoveryOptions {
  readonly clock: Clock
  readonly registry: Pick<Registry, 'get' | 'describe'>
  readonly table: Pick<ProcessTable, 'get' | 'uidNow'>
  readonly fleet: Pick<ProcessFleet, 'adopt' | 'around' | 'begin' | 'isZombie' | 'memberOf' | 'of'>
  readonly candidates: Pick<Candidates, 'add' | 'hurry' | 'isPending' | 'take'>
  readonly space: ProcessSpace
  readonly quota: Quota
  readonly isAlive: (key: ProcessKey) => boolean
  /** Whether agents are found without being registered. */
  readonly discover: () => boolean
  /** Names of agent programs. */
  readonly commands: () => ReadonlySet<string>
  /** Whether a process runs in the control group of a container that is an agent itself. */
  readonly inContainer: (pid: number) => boolean
}

export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { clock, registry, table, fleet, candidates, space, quota } = options

  function place(entry: ProcessEntry, identity: ProcessIdentity | undefined): void {
    const { comm } = table.get(entry.pid)!
    const match = matchCommand(identity?.argv ?? [], comm, options.commands())
    const marker = identity === undefined ? undefined : readMarker(identity.environment)
    const owner = fleet.around(entry.pid)
    if (owner === undefined) {
      if (joins(entry, marker) || (match === undefined && marker === undefined)) return
      if (mustWait(entry) || options.inContainer(entry.pid)) return
      // A zombie has no command line any more, but still a name.
      if (match?.how === 'comm' && fleet.isZombie(entry)) return
      begin(entry, ownMarker(entry, marker), match, identity?.cwd)
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
      begin(entry, ownMarker(entry, marker), match, cwd)
    } else if (match !== undefined && match.vendor === owner.agent.info.vendor) {
      owner.core.add(entry.pid)
    }
  }

  /** The outermost match is the agent: nobody is judged before everybody above it. */
  function mustWait(entry: ProcessEntry): boolean {
    let isWaiting = false
    for (const above of ancestors(table, entry.ppid)) {
      if (above.pid <= 1) break
      if (!candidates.isPending(above)) continue
      isWaiting = true
      candidates.hurry(above)
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
    const { uid } = withUidNow(table, entry)
    const isOwn = uid === 0 || owner.agent.uid === undefined || uid === owner.agent.uid
    return isOwn && fleet.adopt(entry, owner)
  }

  /** What is left of an ended agent still bears its marker, but it is not the agent's next life. */
  function ownMarker(entry: ProcessKey, marker: Marker | undefined): Marker | undefined {
    if (marker?.incarnation === undefined) return marker
    return marker.incarnation === processIncarnation(space, entry) ? marker : undefined
  }

  function begin(
    listed: ProcessEntry,
    named: Marker | undefined,
    match: CommandMatch | undefined,
    cwd: string | undefined,
  ): void {
    const entry = withUidNow(table, listed)
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

  return {
    consider(entry, age) {
      // Threads of the kernel are children of kthreadd, which is process 2.
      if (entry.ppid === 2 || entry.pid === 2) return
      // Also where nobody is to be discovered: it may have left an agent, and bear its marker.
      if (age === 'settled' && !options.discover()) return
      const isMember = fleet.memberOf(entry.pid) !== undefined
      candidates.add(entry, age === 'settled' ? 'settled' : isMember ? 'member' : 'new')
    },

    takeIdentified() {
      for (const { entry, identity } of candidates.take()) {
        if (!options.isAlive(entry)) continue
        if (options.discover()) place(entry, identity)
        // Looked at because somebody acts on the tree it may have left.
        else if (identity !== undefined && fleet.around(entry.pid) === undefined) {
          joins(entry, readMarker(identity.environment))
        }
      }
    },
  }
}
