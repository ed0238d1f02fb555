import { describe, expect, it } from 'vitest'
import { type Exploration, explore } from './explore.ts'

/** For a longer look: each adds a letter to every sequence, and takes about eight times as long. */
const DEEPER = Number(process.env['MODEL_DEPTH'] ?? 0)

const held = { effects: 'held' } as const

const EXPLORATIONS: Readonly<Record<string, Exploration>> = {
  'of an agent whose effects take no time': {
    letters: [
      ...(['warn', 'over', 'tick', 'deliver', 'pause', 'resume', 'terminate'] as const),
      ...(['again', 'retell', 'killSwitch', 'crash', 'outage', 'restart', 'die', 'look'] as const),
    ],
    depth: 2,
  },
  'of effects that are cut off before, within and after': {
    letters: [
      ...(['over', 'tick', 'pause', 'resume', 'terminate', 'half', 'begins', 'ends'] as const),
      ...(['crash', 'killSwitch'] as const),
    ],
    depth: 3,
    world: held,
  },
  'of approvals': {
    letters: ['over', 'approve', 'reject', 'resume', 'pause', 'tick', 'crash', 'terminate', 'deliver'],
    depth: 3,
    world: { exhaustion: { requireConfirmationOnIntervention: true } },
  },
  'of interventions that nobody answers': {
    letters: ['over', 'tick', 'resume', 'pause', 'crash', 'outage', 'killSwitch', 'look'],
    depth: 3,
    world: { exhaustion: { autoTerminate: true } },
  },
  'of holds of several causes': {
    letters: ['over', 'alertPause', 'alertResume', 'pause', 'resume', 'crash', 'ends'],
    depth: 3,
    world: held,
  },
  'of two who wait': {
    letters: ['pause', 'resume', 'terminate', 'wait', 'hangUp', 'ends', 'die', 'look', 'crash'],
    depth: 3,
    world: held,
  },
  'of an id with several lives': {
    letters: ['over', 'pause', 'resume', 'terminate', 'ends', 'crash', 'reborn', 'again', 'wait'],
    depth: 3,
    world: held,
  },
}

describe('every sequence', { timeout: 3_600_000 }, () => {
  for (const [name, exploration] of Object.entries(EXPLORATIONS)) {
    it(`${name} keeps what is promised`, async ({ annotate }) => {
      const depth = exploration.depth + DEEPER
      const { sequences, states, counterexample } = await explore({ ...exploration, depth })
      await annotate(`${sequences} sequences of up to ${depth} steps, ${states} states`)
      expect(counterexample).toBeUndefined()
      expect(sequences).toBeGreaterThan(100)
    })
  }
})
