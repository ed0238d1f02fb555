import { describe, expect, it } from 'vitest'
import type { Cage, CageState } from '../../../src/runtimes/freezer.ts'
import type { Target } from '../../../src/runtimes/model.ts'
import type { Signal } from '../../../src/runtimes/signals.ts'
import { createStopper } from '../../../src/runtimes/stopping.ts'
import type { Standing } from '../../../src/runtimes/task-state.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const TREE = {
  processes: [{ pid: 10, startTime: 100, ppid: 1, pgrp: 10, session: 10 }],
  groups: [10],
}

/** One busy process in a group of its own, which comes to rest `restsAfterMs` after it was asked to. */
function scene({ restsAfterMs, oversleepsMs = 0 }: { restsAfterMs: number; oversleepsMs?: number }) {
  const clock = fakeClock()
  const sent: Signal[] = []
  let askedAt: number | undefined
  const cageState = (): CageState => {
    if (askedAt === undefined) return 'thawed'
    return clock.monotonic() - askedAt >= restsAfterMs ? 'frozen' : 'freezing'
  }
  const cage: Cage = {
    version: 1,
    holdsOnly: () => true,
    pids: () => [10],
    state: cageState,
    freeze() {
      askedAt = clock.monotonic()
      return true
    },
    thaw() {
      askedAt = undefined
      return true
    },
  }
  const read = (key: { pid: number; startTime: number }) => ({
    ...TREE.processes[0]!,
    ...key,
    standing: (sent.includes('SIGSTOP') ? 'stopped' : 'running') as Standing,
    terminal: 0,
    foregroundGroup: -1,
    cpuTicks: 0,
  })
  const send = (signal: Signal, mayGoOn: () => boolean) => {
    if (!mayGoOn()) return 'halted' as const
    sent.push(signal)
    return 'sent' as const
  }
  const stopper = createStopper({
    clock,
    states: { read, whoIs: () => TREE.processes[0], ownerOf: () => undefined },
    signals: {
      toProcess: (_key, signal, mayGoOn) => send(signal, mayGoOn),
      toGroup: (_pgrp, signal, mayGoOn) => send(signal, mayGoOn),
      isProtected: () => false,
    },
    freezer: { find: () => cage },
    chaser: { warmUp: () => {}, chase: async () => [] },
    sleep: async (ms) => clock.advance(ms + oversleepsMs),
  })
  const target: Target = {
    agent: 'busy',
    incarnation: 'boot:1:10:100',
    runtime: 'process',
    snapshot: async () => TREE,
    stopped: [],
    stoppedByOthers: [],
  }
  const stop = (deadlineMs = 20_000, mayGoOn = () => true) =>
    stopper.stop(target, TREE, { deadlineMs, mayGoOn })
  return { clock, sent, cageState, stop }
}

describe('a tree with a control group of its own', () => {
  it('is waited for on a busy host, and no signal is sent', async () => {
    const { sent, stop } = scene({ restsAfterMs: 500 })
    expect(await stop()).toMatchObject({ end: 'still', rung: 'freezer', touched: true })
    expect(sent).toEqual([])
  })

  it('counts as frozen when it came to rest while the daemon itself did not run', async () => {
    const { stop } = scene({ restsAfterMs: 500, oversleepsMs: 60_000 })
    expect(await stop(200_000)).toMatchObject({ end: 'still', rung: 'freezer' })
  })

  it('is thawed and stopped by signals when it does not come to rest within a second', async () => {
    const { clock, sent, cageState, stop } = scene({ restsAfterMs: 60_000 })
    expect(await stop()).toMatchObject({ end: 'still', rung: 'sigstop', touched: true })
    expect(cageState()).toBe('thawed')
    expect(sent).toEqual(['SIGSTOP'])
    expect(clock.monotonic()).toBeLessThan(1_200)
  })

  it('is thawed at the deadline, and nothing more is tried', async () => {
    const { sent, cageState, stop } = scene({ restsAfterMs: 60_000 })
    expect(await stop(300)).toMatchObject({ end: 'late', touched: true })
    expect(cageState()).toBe('thawed')
    expect(sent).toEqual([])
  })

  it('is thawed at once when the kill switch is engaged meanwhile', async () => {
    const { clock, sent, cageState, stop } = scene({ restsAfterMs: 60_000 })
    expect(await stop(20_000, () => clock.monotonic() < 50)).toMatchObject({ end: 'halted', touched: true })
    expect(cageState()).toBe('thawed')
    expect(clock.monotonic()).toBeLessThan(100)
    expect(sent).toEqual([])
  })
})
