import type { Agent } from '../agents/model.ts'
import type { Collector } from '../platform/feature.ts'
import { crashesTotal, exitsTotal, fleetHealth, lastCrash } from './families.ts'
import { CRASH_CAUSES, type CrashCause, EXIT_REASONS, type ExitReason } from './model.ts'

/** Roles are what agents and people write; every further one is `other`. */
const MAX_ROLES = 50
const OTHER_ROLE = 'other'
/** Of an agent without a role: an empty label would be no label at all. */
const NO_ROLE = 'none'

interface Tally {
  readonly exits: Map<ExitReason, number>
  readonly crashes: Map<CrashCause, number>
}

/** Counts since the daemon started. */
export interface CrashTallies {
  /** A role that may crash one day: its series begin with 0, so that the first crash is an increase. */
  meet(role: string | undefined): void
  exit(role: string | undefined, reason: ExitReason): void
  crash(role: string | undefined, cause: CrashCause): void
  entries(): Iterable<readonly [role: string, tally: Tally]>
}

export function createCrashTallies(): CrashTallies {
  const roles = new Map<string, Tally>()

  function of(role: string): Tally {
    const known = roles.get(role)
    if (known !== undefined) return known
    if (roles.size >= MAX_ROLES && role !== OTHER_ROLE) return of(OTHER_ROLE)
    const tally = {
      exits: new Map(EXIT_REASONS.map((reason) => [reason, 0])),
      crashes: new Map(CRASH_CAUSES.map((cause) => [cause, 0])),
    }
    roles.set(role, tally)
    return tally
  }

  return {
    meet: (role) => void of(role || NO_ROLE),
    exit(role, reason) {
      const { exits } = of(role || NO_ROLE)
      exits.set(reason, (exits.get(reason) ?? 0) + 1)
    },
    crash(role, cause) {
      const { crashes } = of(role || NO_ROLE)
      crashes.set(cause, (crashes.get(cause) ?? 0) + 1)
    },
    entries: () => roles,
  }
}

export interface CrashCollectorOptions {
  readonly tallies: CrashTallies
  /** Live and lately ended agents. */
  readonly agents: () => Iterable<Pick<Agent, 'id'>>
  readonly lastCrashMs: (agent: string) => number | undefined
  readonly healthScore: () => number
}

/** The collector `crashes`. */
export function createCrashCollector(options: CrashCollectorOptions): Collector {
  return {
    name: 'crashes',
    families: [exitsTotal, crashesTotal, lastCrash, fleetHealth],
    collect(out) {
      for (const [role, { exits, crashes }] of options.tallies.entries()) {
        for (const [reason, count] of exits) out.set(exitsTotal, { role, reason }, count)
        for (const [cause, count] of crashes) out.set(crashesTotal, { role, cause }, count)
      }
      for (const { id } of options.agents()) {
        const atMs = options.lastCrashMs(id)
        if (atMs !== undefined) out.set(lastCrash, { agent: id }, atMs / 1_000)
      }
      out.set(fleetHealth, {}, options.healthScore() / 100)
    },
  }
}
