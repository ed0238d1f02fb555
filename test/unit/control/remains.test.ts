import { beforeEach, describe, expect, it } from 'vitest'
import { addHold, createHoldBoard, type Held, type HoldBoard, NO_HOLDS } from '../../../src/control/holds.ts'
import type { ActionEntry } from '../../../src/control/model.ts'
import type { ActionRecord } from '../../../src/control/record.ts'
import { createRemains, type PastLives, type Remains } from '../../../src/control/remains.ts'
import { silentLog } from '../../../src/platform/log.ts'
import type { ProcessKey } from '../../../src/platform/proc/process.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { type RecordingRuntime, recordingRuntime } from '../../support/recording-runtime.ts'

const LIFE = 'boot:4026531836:77:770'
const ROOT: ProcessKey = { pid: 77, startTime: 770 }
const CHILD: ProcessKey = { pid: 78, startTime: 780 }
const OTHER: ProcessKey = { pid: 79, startTime: 790 }

let runtime: RecordingRuntime
let board: HoldBoard
let remains: Remains
let saved: { record: ActionRecord | undefined; held: Held | undefined }[]
/** Members of the tree that live. */
let left: readonly ProcessKey[]
let isOver: boolean
let acting: boolean
let killSwitch: boolean
let followers: number

const pastLives: PastLives = {
  isOver: () => isOver,
  follow(_incarnation, keys) {
    if (keys.length === 0) return undefined
    followers++
    return {
      async snapshot() {
        const processes = left.map((key) => ({ ...key, ppid: 1, pgrp: ROOT.pid, session: ROOT.pid }))
        return processes.length === 0 ? undefined : { processes, groups: [ROOT.pid], root: ROOT }
      },
      close: () => void followers--,
    }
  },
}

beforeEach(() => {
  const clock = fakeClock()
  runtime = recordingRuntime()
  board = createHoldBoard()
  saved = []
  left = [CHILD]
  isOver = true
  acting = true
  killSwitch = false
  followers = 0
  remains = createRemains({
    ...{ clock, log: silentLog, pastLives, board, runtimes: { process: runtime } },
    killSwitch: { isEngaged: () => killSwitch },
    lock: { isHeld: () => acting },
    config: () => ({ grace: 10_000 }) as never,
    journal: {
      async save(record, held) {
        saved.push({ record, held })
        return 'durable'
      },
    },
    ids: { next: () => `id-${saved.length}` },
    moment: () => ({ bootId: 'boot', bootMs: clock.sinceBoot(), wallMs: clock.now() }),
  })
})

function held(stopped: readonly ProcessKey[], stoppedByOthers: readonly ProcessKey[] = []): Held {
  const hold = { cause: 'budget', sinceMs: 1, reason: 'too much', actionId: 'x' } as const
  return { agent: 'a', incarnation: LIFE, holds: addHold(NO_HOLDS, hold), stopped, stoppedByOthers }
}

function interrupted(action: 'pause' | 'terminate', more: Partial<ActionRecord> = {}): ActionRecord {
  const entry = { id: 'x', agent: 'a', incarnation: LIFE, action, trigger: 'budget', hold: 'budget' }
  return {
    entry: entry as ActionEntry,
    key: 'key',
    claimsKey: true,
    admitted: { bootId: 'boot', bootMs: 0, wallMs: 0 },
    started: undefined,
    ended: undefined,
    result: undefined,
    graceMs: undefined,
    optIn: false,
    released: [],
    stoppedBefore: undefined,
    processes: [ROOT, CHILD, OTHER],
    crossedAtMs: undefined,
    ...more,
  }
}

describe('what is left of an ended agent', () => {
  it('goes on, its holds are taken away, and the journal says so', async () => {
    runtime.setState(LIFE, 'paused')
    board.put(held([ROOT, CHILD], [OTHER]))
    await remains.letGo(held([ROOT, CHILD], [OTHER]))
    expect(runtime.count('resume', LIFE)).toBe(1)
    expect(runtime.lastTarget()).toMatchObject({ stopped: [ROOT, CHILD], stoppedByOthers: [OTHER] })
    expect(board.of(LIFE)).toBeUndefined()
    expect(saved).toHaveLength(1)
    expect(saved[0]?.held).toMatchObject({ holds: NO_HOLDS, stopped: [], stoppedByOthers: [] })
    expect(saved[0]?.record).toMatchObject({
      entry: { agent: 'a', action: 'resume', status: 'done', actor: 'journal' },
      released: ['budget'],
    })
    expect(followers).toBe(0)
  })

  it('is only released when nothing of it lives, or nothing had to be continued', async () => {
    left = []
    await remains.letGo(held([CHILD]))
    left = [CHILD]
    await remains.letGo(held([CHILD]))
    await remains.letGo(held([]))
    expect(runtime.effects).toEqual([])
    expect(saved.map(({ record }) => record)).toEqual([undefined, undefined, undefined])
    expect(followers).toBe(0)
  })

  it('is not touched while another daemon acts', async () => {
    acting = false
    runtime.setState(LIFE, 'paused')
    await remains.letGo(held([CHILD]))
    expect(runtime.calls).toEqual([])
  })

  it('goes on after a failure only as far as the driver says', async () => {
    runtime.next('resume', { outcome: 'partial', detail: '78 is left' })
    await remains.letGo(held([CHILD]))
    expect(saved[0]?.record?.entry).toMatchObject({ status: 'partial', detail: '78 is left' })
    expect(saved[0]?.record?.entry.verifiedAt).toBeUndefined()
  })
})

describe('a pause that was interrupted', () => {
  it('is undone for whoever was not stopped before', async () => {
    left = [CHILD, OTHER]
    runtime.setState(LIFE, 'partial')
    await remains.undo(interrupted('pause', { stoppedBefore: [OTHER] }))
    expect(runtime.lastTarget()).toMatchObject({ stopped: [CHILD], stoppedByOthers: [OTHER] })
    expect(runtime.count('resume')).toBe(1)
    expect(followers).toBe(0)
  })

  it('takes up what an earlier pause had stopped', async () => {
    board.put(held([ROOT], [OTHER]))
    left = [CHILD, OTHER]
    runtime.setState(LIFE, 'partial')
    await remains.undo(interrupted('pause'))
    expect(runtime.lastTarget()).toMatchObject({ stopped: [ROOT, CHILD], stoppedByOthers: [OTHER] })
    expect(board.of(LIFE)).toBeUndefined()
  })

  it('is not undone while its first process may come back', async () => {
    isOver = false
    runtime.setState(LIFE, 'partial')
    await remains.undo(interrupted('pause'))
    expect(runtime.calls).toEqual([])
    expect(saved).toEqual([])
  })
})

describe('an end that was interrupted', () => {
  it('is brought to its end', async () => {
    const performed = await remains.end(interrupted('terminate'))
    expect(performed?.effect).toMatchObject({ outcome: 'done' })
    expect(runtime.count('terminate', LIFE)).toBe(1)
    expect(followers).toBe(0)
  })

  it('is nothing to do when all of it has ended, when it lives on, or when nobody is known', async () => {
    left = []
    expect(await remains.end(interrupted('terminate'))).toBeUndefined()
    left = [CHILD]
    expect(await remains.end(interrupted('terminate', { processes: [] }))).toBeUndefined()
    isOver = false
    expect(await remains.end(interrupted('terminate'))).toBeUndefined()
    expect(runtime.calls).toEqual([])
    expect(followers).toBe(0)
  })

  it('stops before the kill switch', async () => {
    killSwitch = true
    const performed = await remains.end(interrupted('terminate'))
    expect(performed).toMatchObject({ effect: { outcome: 'halted' }, halted: 'kill_switch' })
    expect(runtime.effects).toEqual([])
  })
})
