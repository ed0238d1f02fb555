import fc from 'fast-check'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../support/folder.ts'
import { brokenAtRest, brokenNow } from './invariants.ts'
import { ALL_LETTERS, applies, play } from './letters.ts'
import { createWorld, type WorldOptions } from './world.ts'

const RUNS = Number(process.env['MODEL_RUNS'] ?? 8)
const AGENTS = ['a', 'b', 'c'] as const
const steps = fc.array(fc.tuple(fc.constantFrom(...ALL_LETTERS), fc.constantFrom(...AGENTS)), {
  maxLength: 60,
  size: 'max',
})

async function brokenBy(
  sequence: readonly (readonly [(typeof ALL_LETTERS)[number], (typeof AGENTS)[number]])[],
  options: WorldOptions,
): Promise<string[]> {
  using folder = temporaryFolder()
  const world = await createWorld({ ...options, agents: AGENTS, dataDir: folder.path })
  for (const [letter, id] of sequence) {
    if (!applies(letter, world, id)) continue
    await play(letter, world, id)
    const broken = brokenNow(world)
    if (broken.length > 0) return broken.map((text) => `${letter}: ${text}`)
  }
  return brokenAtRest(world)
}

const VARIANTS: Readonly<Record<string, WorldOptions>> = {
  'effects at once': {},
  'effects that take their time': { effects: 'held' },
  'effects that take their time, ends without an answer': {
    effects: 'held',
    exhaustion: { autoTerminate: true },
  },
  approvals: { effects: 'held', exhaustion: { requireConfirmationOnIntervention: true } },
}

it.each(Object.entries(VARIANTS))(
  '%s: whatever happens to three agents, promises are kept',
  async (_, options) => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        expect(await brokenBy(sequence, options)).toEqual([])
      }),
      { numRuns: RUNS },
    )
  },
  3_600_000,
)
