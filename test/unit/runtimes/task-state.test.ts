import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStateReader, standingOf, stopIsPending } from '../../../src/runtimes/task-state.ts'
import { temporaryFolder } from '../../support/folder.ts'

const tasks = (letters: string) => [...letters].map((state, at) => ({ tid: 100 + at, state }))
const never = () => false

describe('how a process stands by its tasks', () => {
  it.each([
    ['T', 'stopped'],
    ['TTt', 'stopped'],
    ['TS', 'running'],
    ['TR', 'running'],
    ['ZT', 'stopped'],
    ['ZTX', 'stopped'],
    ['ZS', 'running'],
    ['Z', 'dead'],
    ['ZX', 'dead'],
    ['', 'dead'],
    ['TD', 'running'],
    ['T?', 'running'],
    ['TI', 'running'],
  ])('takes %s for %s', (letters, standing) => {
    expect(standingOf(tasks(letters), never)).toBe(standing)
  })

  it('believes an uninterruptible task only when the stop waits for it', () => {
    expect(standingOf(tasks('TD'), (tid) => tid === 101)).toBe('stopped')
    expect(standingOf(tasks('DD'), (tid) => tid === 101)).toBe('running')
  })
})

describe('signals pending for a process', () => {
  it.each([
    ['0000000000040000', true],
    ['0000000000044000', true],
    ['fffffffffffbffff', false],
    ['0000000000020000', false],
    ['0000000000080000', false],
    ['0000000000000000', false],
  ])('ShdPnd %s', (mask, pending) => {
    expect(stopIsPending(`Name:\tx\nSigPnd:\t0000000000040000\nShdPnd:\t${mask}\nSigBlk:\t0\n`)).toBe(pending)
  })

  it('knows nothing of a status without the line', () => {
    expect(stopIsPending('Name:\tx\nSigPnd:\t0000000000040000\n')).toBe(false)
  })
})

describe('processes in a tree of files', () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => folder[Symbol.dispose]())

  const stat = (pid: number, state: string, threads: number, comm = 'a (b) c') =>
    `${pid} (${comm}) ${state} 7 8 9 34819 11 0 0 0 0 0 21 22 0 0 20 0 ${threads} 0 555 0 0 0\n`

  function write(pid: number, states: string): void {
    const root = join(folder.path, String(pid))
    mkdirSync(root)
    writeFileSync(join(root, 'stat'), stat(pid, states[0]!, states.length))
    for (const [at, state] of [...states].entries()) {
      mkdirSync(join(root, 'task', String(pid + at)), { recursive: true })
      writeFileSync(join(root, 'task', String(pid + at), 'stat'), stat(pid + at, state, states.length))
    }
  }

  it('reads who it is, where it is and what it used', () => {
    write(100, 'TT')
    const states = createStateReader(folder.path)
    expect(states.whoIs(100)).toEqual({ pid: 100, startTime: 555, ppid: 7, pgrp: 8, session: 9 })
    expect(states.read({ pid: 100, startTime: 555 })).toEqual({
      pid: 100,
      startTime: 555,
      standing: 'stopped',
      ppid: 7,
      pgrp: 8,
      terminal: 34819,
      foregroundGroup: 11,
      cpuTicks: 43,
    })
  })

  it('takes a leader in Z with a running thread for running', () => {
    write(100, 'ZS')
    expect(createStateReader(folder.path).read({ pid: 100, startTime: 555 }).standing).toBe('running')
  })

  it('takes another start time for dead, and a line it cannot read for unknown', () => {
    write(100, 'S')
    const states = createStateReader(folder.path)
    expect(states.read({ pid: 100, startTime: 554 }).standing).toBe('dead')
    expect(states.read({ pid: 200, startTime: 555 }).standing).toBe('dead')
    writeFileSync(join(folder.path, '100', 'stat'), '100 (x) S 7 8')
    expect(states.read({ pid: 100, startTime: 555 }).standing).toBe('unknown')
    expect(states.whoIs(100)).toBeUndefined()
  })

  it('asks every task when the leader is in an uninterruptible sleep', () => {
    write(100, 'TT')
    writeFileSync(join(folder.path, '100', 'stat'), stat(100, 'D', 2))
    expect(createStateReader(folder.path).read({ pid: 100, startTime: 555 }).standing).toBe('stopped')
  })
})
