import type { Agent, Incarnation } from '../agents/model.ts'
import { Problem, type ProblemField } from '../platform/problem.ts'
import { type BudgetRequest, checkProfile, parseBudget } from './budget.ts'
import type { Enrolment, Thresholds } from './model.ts'
import type { ExhaustionRepository } from './repository.ts'

/** What somebody with the right to do so chose. What is left out stays as it was. */
export interface EnrolmentRequest {
  readonly profile?: string
  readonly budget?: BudgetRequest
  /** As that person named it: its profile is theirs too, unless they chose another. */
  readonly role?: string
  /** When nobody says: whoever chose a budget or a profile wants it kept. */
  readonly enforce?: boolean
}

/** What a container's own label says; labels that its image brought along do not count. */
export interface OwnLabels {
  readonly enforce?: boolean
  readonly profile?: string
}

export interface EnrolmentDependencies {
  readonly repository: Pick<ExhaustionRepository, 'saveEnrolment'>
  readonly profiles: () => Readonly<Record<string, unknown>>
  /** Profile of each role that has one. */
  readonly roles: () => Readonly<Record<string, string>>
  readonly labels: (agent: Agent) => OwnLabels
  readonly enforceDiscovered: () => boolean
}

export interface Enrolments {
  restore(enrolments: readonly Enrolment[]): void
  /** Durable, and bound to this incarnation. @throws Problem AE_INVALID, AE_STORE_UNAVAILABLE */
  enrol(agent: Agent, request: EnrolmentRequest): Promise<void>
  /**
   * A name that had no process of its own has got one: what was chosen for the name holds for it. In force at once.
   * @throws Problem AE_STORE_UNAVAILABLE
   */
  inherit(from: Agent, to: Agent): Promise<void>
  validate(request: Pick<EnrolmentRequest, 'profile' | 'budget'>): readonly ProblemField[]
  of(agent: Agent): Enrolment | undefined
  /** What was chosen for it: by a person, or by the container's own label. */
  choice(agent: Agent): { readonly profile: string | undefined; readonly budget: Thresholds }
  /** Whether an intervention acts on it. */
  enforced(agent: Agent): boolean
  /** Writes down again that these are alive, so that retention leaves them. */
  touch(agents: Iterable<Agent>): Promise<void>
  forget(incarnation: Incarnation): void
}

const NO_BUDGET: Thresholds = {}

export function createEnrolments(dependencies: EnrolmentDependencies): Enrolments {
  const { repository, profiles, roles, labels, enforceDiscovered } = dependencies
  const enrolments = new Map<Incarnation, Enrolment>()

  function validate({ profile, budget }: Pick<EnrolmentRequest, 'profile' | 'budget'>) {
    return [
      ...(profile === undefined ? [] : checkProfile(profile, profiles())),
      ...(budget === undefined ? [] : parseBudget(budget).problems),
    ]
  }

  function profileOfRole(role: string | undefined): string | undefined {
    return role !== undefined && Object.hasOwn(roles(), role) ? roles()[role] : undefined
  }

  const of = ({ incarnation }: Agent) => enrolments.get(incarnation)

  return {
    of,
    validate,

    restore(stored) {
      for (const enrolment of stored) enrolments.set(enrolment.incarnation, enrolment)
    },

    async enrol(agent, request) {
      const problems = validate(request)
      if (problems.length > 0) throw new Problem('AE_INVALID', 'The budget is not valid.', problems)
      const earlier = of(agent)
      const { profile, budget, role, enforce } = request
      const chosen = profile !== undefined || budget !== undefined
      const enrolment: Enrolment = {
        agent: agent.id,
        incarnation: agent.incarnation,
        enforce: enforce ?? earlier?.enforce ?? chosen,
        profile: profile ?? earlier?.profile ?? profileOfRole(role),
        budget: budget === undefined ? (earlier?.budget ?? NO_BUDGET) : parseBudget(budget).budget,
      }
      await repository.saveEnrolment(enrolment)
      enrolments.set(agent.incarnation, enrolment)
    },

    async inherit(from, { id: agent, incarnation }) {
      const earlier = of(from)
      if (earlier === undefined || enrolments.has(incarnation)) return
      const enrolment = { ...earlier, agent, incarnation }
      enrolments.set(incarnation, enrolment)
      await repository.saveEnrolment(enrolment)
    },

    choice(agent) {
      const enrolment = of(agent)
      return {
        profile: enrolment?.profile ?? (agent.runtime === 'container' ? labels(agent).profile : undefined),
        budget: enrolment?.budget ?? NO_BUDGET,
      }
    },

    enforced(agent) {
      const enrolment = of(agent)
      if (agent.runtime === 'container') return enrolment?.enforce === true || labels(agent).enforce === true
      if (enrolment !== undefined) return enrolment.enforce
      // A name that a process gave to itself must not take it out of this: only an enrolment does.
      return agent.runtime === 'process' && enforceDiscovered()
    },

    async touch(agents) {
      for (const agent of agents) {
        const enrolment = of(agent)
        if (enrolment !== undefined) await repository.saveEnrolment({ ...enrolment, agent: agent.id })
      }
    },

    forget: (incarnation) => void enrolments.delete(incarnation),
  }
}
