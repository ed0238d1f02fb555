import { expect, it } from 'vitest'
import { createAsking, type Deed } from '../../../src/alertmanager/asking.ts'
import type { Answer } from '../../../src/alertmanager/verdict.ts'
import type { ActionEntry, ActionRequest } from '../../../src/control/model.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { firing, ruleOf, worldOf } from './shapes.ts'

/** What an alert asks for, as the judge says it. */
function deedOf(): Deed {
  const world = worldOf([ruleOf()])
  world.answers = 'none'
  world.tell(firing())
  return world.verdicts.find((verdict): verdict is Deed => verdict.kind === 'act')!
}

it('asks for nothing that is over, or that a person has decided, before its turn has come', async () => {
  const asked: ActionRequest[] = []
  const answers: Answer[] = []
  let isWanted = true
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const asking = createAsking({
    ...{ clock: systemClock, log: silentLog, signal: new AbortController().signal },
    moment: () => ({ bootId: 'boot', bootMs: 0, wallMs: 0 }),
    control: {
      async request(request) {
        asked.push(request)
        await held
        return { status: 'done' } as ActionEntry
      },
      settled: () => Promise.reject(new Error('settled at once')),
      holds: () => new Map(),
    },
    confirm: () => Promise.resolve('not_configured'),
    isWanted: () => isWanted,
    answered: (answer) => answers.push(answer),
  })
  const deed = deedOf()
  for (let i = 0; i < 6; i++) asking.perform(deed)
  await expect.poll(() => asked.length).toBe(4)
  isWanted = false
  letGo()
  await expect.poll(() => answers.length).toBe(6)
  expect(asked).toHaveLength(4)
  expect(answers.map(({ result }) => result).toSorted()).toEqual([
    'done',
    'done',
    'done',
    'done',
    'owed',
    'owed',
  ])
})
