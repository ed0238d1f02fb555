import { describe, expect, it } from 'vitest'
import { createSignals } from '../../../src/runtimes/signals.ts'

const OWN = 50
/** 1 ← 40 (a shell) ← 45 ← 50 (us), and 60, somebody else. */
const PROCESSES = [
  { pid: 40, startTime: 4, ppid: 1, pgrp: 40, session: 40 },
  { pid: 45, startTime: 5, ppid: 40, pgrp: 44, session: 40 },
  { pid: OWN, startTime: 6, ppid: 45, pgrp: 44, session: 40 },
  { pid: 60, startTime: 7, ppid: 40, pgrp: 60, session: 40 },
]

function setUp(answer: 'ok' | 'ESRCH' | 'EPERM' = 'ok') {
  const sent: string[] = []
  const signals = createSignals({
    states: { whoIs: (pid) => PROCESSES.find((process) => process.pid === pid) },
    ownPid: OWN,
    kill(pid, signal) {
      if (answer !== 'ok') throw Object.assign(new Error(answer), { code: answer })
      sent.push(`${signal} ${pid}`)
    },
  })
  return { signals, sent }
}
const yes = () => true

describe('sending signals', () => {
  it('sends to a process and to a group', () => {
    const { signals, sent } = setUp()
    expect(signals.toProcess({ pid: 60, startTime: 7 }, 'SIGSTOP', yes)).toBe('sent')
    expect(signals.toGroup(60, 'SIGKILL', yes)).toBe('sent')
    expect(sent).toEqual(['SIGSTOP 60', 'SIGKILL -60'])
  })

  it.each([-1, 0, 1, Number.NaN, 1.5, OWN, 45, 40])('never sends to %s', (pid) => {
    const { signals, sent } = setUp()
    const startTime = PROCESSES.find((process) => process.pid === pid)?.startTime ?? 0
    expect(signals.toProcess({ pid, startTime }, 'SIGSTOP', yes)).toBe('refused')
    expect(signals.toGroup(pid, 'SIGSTOP', yes)).toBe('refused')
    expect(sent).toEqual([])
  })

  it('never sends to the group we are in ourselves', () => {
    const { signals, sent } = setUp()
    expect(signals.toGroup(44, 'SIGSTOP', yes)).toBe('refused')
    expect(sent).toEqual([])
  })

  it('takes a number that was given to another process for gone', () => {
    const { signals, sent } = setUp()
    expect(signals.toProcess({ pid: 60, startTime: 8 }, 'SIGKILL', yes)).toBe('gone')
    expect(signals.toProcess({ pid: 61, startTime: 8 }, 'SIGKILL', yes)).toBe('gone')
    expect(sent).toEqual([])
  })

  it('asks each time whether it may go on', () => {
    const { signals, sent } = setUp()
    const no = () => false
    expect(signals.toProcess({ pid: 60, startTime: 7 }, 'SIGSTOP', no)).toBe('halted')
    expect(signals.toGroup(60, 'SIGSTOP', no)).toBe('halted')
    expect(sent).toEqual([])
  })

  it('tells a process of another user from one that has ended', () => {
    expect(setUp('EPERM').signals.toProcess({ pid: 60, startTime: 7 }, 'SIGSTOP', yes)).toBe('denied')
    expect(setUp('ESRCH').signals.toProcess({ pid: 60, startTime: 7 }, 'SIGSTOP', yes)).toBe('gone')
  })
})
