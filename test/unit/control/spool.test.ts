import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Held } from '../../../src/control/holds.ts'
import { createSpool } from '../../../src/control/spool.ts'
import { temporaryFolder } from '../../support/folder.ts'

let folder: ReturnType<typeof temporaryFolder>
const file = (): string => join(folder.path, 'control.spool')
const reserve = (): string => join(folder.path, 'control.reserve')

beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder[Symbol.dispose]())

function held(agent: string): Held {
  const hold = { cause: 'human', sinceMs: 1, reason: 'enough', actionId: 'x' } as const
  const key = { pid: 7, startTime: 70 }
  return {
    agent,
    incarnation: `life of ${agent}`,
    holds: new Map([[hold.cause, hold]]),
    stopped: [key],
    stoppedByOthers: [],
  }
}

it('gives back what was written, in order, also to a later run', () => {
  const spool = createSpool(folder.path)
  expect(spool.append({ held: held('a') })).toBe(true)
  expect(createSpool(folder.path).append({ held: held('b') })).toBe(true)
  expect(createSpool(folder.path).read()).toEqual([{ held: held('a') }, { held: held('b') }])
  spool.clear()
  expect(existsSync(file())).toBe(false)
  expect(createSpool(folder.path).read()).toEqual([])
})

it('writes into room that it has kept since the disk had some', () => {
  const spool = createSpool(folder.path)
  spool.clear()
  const { ino, size } = statSync(reserve())
  expect(size).toBeGreaterThan(100_000)
  for (let n = 0; n < 20; n++) expect(spool.append({ held: held(`agent-${n}`) })).toBe(true)
  // The same blocks of the same file: nothing more was asked of the disk.
  expect(statSync(file())).toMatchObject({ ino, size })
  expect(existsSync(reserve())).toBe(false)
  expect(createSpool(folder.path).read()).toHaveLength(20)
  spool.clear()
  expect(statSync(reserve()).size).toBe(size)
})

it('loses a torn line and not the one after it', () => {
  createSpool(folder.path).append({ held: held('a') })
  writeFileSync(file(), readFileSync(file(), 'utf8').replace(/\0+$/, ''))
  appendFileSync(file(), '{"held":{"agent":"to')
  const spool = createSpool(folder.path)
  spool.append({ held: held('b') })
  expect(spool.read()).toEqual([{ held: held('a') }, { held: held('b') }])
})

it('says so when nothing takes it', () => {
  const spool = createSpool(join(folder.path, 'nowhere'))
  spool.clear()
  expect(spool.append({ held: held('a') })).toBe(false)
  expect(spool.read()).toEqual([])
})
