import type { Incarnation } from '../agents/model.ts'
import type { Case } from './gather.ts'
import type { ExitEvidence } from './model.ts'
import type { OutputFacts } from './tail.ts'

/** What somebody says of an end. */
export interface ToldEnd {
  readonly exit: ExitEvidence | undefined
  readonly output: { readonly facts: OutputFacts; readonly text: string | undefined } | undefined
}

/** Whose word counts more: who waited for it, before who only says so; kernel and engine are overruled by nobody. */
const RANK: Readonly<Record<ExitEvidence['source'], number>> = { report: 0, parent: 1, zombie: 2, engine: 2 }

/** Puts what is told beside what is known. */
export function takeIn(known: Pick<Case, 'exit' | 'output'>, { exit, output }: ToldEnd): void {
  const isBetter =
    exit !== undefined && (known.exit === undefined || RANK[exit.source] > RANK[known.exit.source])
  if (output !== undefined && (isBetter || known.output === undefined)) known.output = output
  if (isBetter) known.exit = exit
}

/** What was told before the end was seen here. */
export interface ToldEnds {
  put(incarnation: Incarnation, told: ToldEnd): void
  take(incarnation: Incarnation): ToldEnd | undefined
  size(): number
}

/** @param most the oldest go first */
export function createToldEnds(most: number): ToldEnds {
  const told = new Map<Incarnation, ToldEnd>()
  return {
    put(incarnation, one) {
      const both = { exit: undefined, output: undefined, ...told.get(incarnation) }
      takeIn(both, one)
      told.set(incarnation, both)
      for (const oldest of told.keys()) {
        if (told.size <= most) break
        told.delete(oldest)
      }
    },
    take(incarnation) {
      const one = told.get(incarnation)
      told.delete(incarnation)
      return one
    },
    size: () => told.size,
  }
}
