import { Problem, type ProblemField } from '../platform/problem.ts'
import type { Agent } from './model.ts'

/** Limits as somebody wrote them: numbers, or text such as `5m`. Whoever judges budgets says what they mean. */
export type BudgetInput = Readonly<Record<string, number | string>>

/** What a registration may say about limits. */
export interface EnrolmentInput {
  readonly profile?: string
  readonly budget?: BudgetInput
  /** Whether an intervention acts. */
  readonly enforce?: boolean
}

/** What is left out stays as it was. */
export interface EnrolmentChoice {
  readonly profile?: string
  /** As whoever enrols it calls it. What the agent itself says is in its `info`. */
  readonly role?: string
  readonly budget?: BudgetInput
  readonly enforce: boolean
}

/** Who keeps the limits of agents; this room only hands them on. */
export interface EnrolmentDesk {
  /** Everything that is wrong, with paths into the body (`/budget/maxApiCalls`). */
  validate(input: EnrolmentInput): readonly ProblemField[]
  /** Durable when it settles; in force from then on. Rejects when it is not. */
  enrol(agent: Agent, choice: EnrolmentChoice): Promise<void>
  /** The name of the first has become that of the second, which has processes of its own. */
  inherit?(from: Agent, to: Agent): void
  /** What was chosen for this life so far. */
  of?(agent: Agent): { readonly enforce: boolean } | undefined
}

/** Enrols what is registered over the API. */
export interface Enrolling {
  /** @throws Problem AE_NOT_READY when nobody keeps limits here, AE_INVALID naming every wrong field */
  validate(input: EnrolmentInput): void
  /**
   * @param created whether this request made the agent known under this id
   * @throws whatever the desk throws: the agent is then known and not enforced
   */
  enrol(
    agent: Agent,
    input: EnrolmentInput & { readonly role?: string },
    created: 'created' | 'known',
  ): Promise<void>
}

export function saysSomething({ profile, budget, enforce }: EnrolmentInput): boolean {
  return profile !== undefined || budget !== undefined || enforce !== undefined
}

export interface EnrollingOptions {
  readonly desk: EnrolmentDesk | undefined
  /** What the agent's own container label says about enforcement; undefined for everything but a container. */
  readonly label: (agent: Agent) => 'true' | 'other' | undefined
}

export function createEnrolling({ desk, label }: EnrollingOptions): Enrolling {
  /** Created, and then the enrolment failed: asking again is not a mere repetition. */
  const owed = new WeakSet<Agent>()

  return {
    validate(input) {
      if (!saysSomething(input)) return
      if (desk === undefined) throw new Problem('AE_NOT_READY', 'Nobody keeps budgets here.')
      const fields = desk.validate(input)
      if (fields.length > 0) throw new Problem('AE_INVALID', 'The budget or profile cannot be used.', fields)
    },

    async enrol(agent, input, created) {
      const isNew = created === 'created' || owed.has(agent)
      if (desk === undefined || (!isNew && !saysSomething(input))) return
      const { profile, budget, role, enforce } = input
      if (isNew) owed.add(agent)
      await desk.enrol(agent, {
        ...(profile === undefined ? {} : { profile }),
        ...(budget === undefined ? {} : { budget }),
        ...(role === undefined ? {} : { role }),
        // Registering with the scope control opts in; a container speaks for itself unless a person does (CONTROL §6).
        enforce: enforce ?? desk.of?.(agent)?.enforce ?? label(agent) !== 'other',
      })
      owed.delete(agent)
    },
  }
}
