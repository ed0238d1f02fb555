import { describe, expect, it } from 'vitest'
import { type OfflineHeld, type OfflineOutcome, resumeOffline } from '../../../src/cli/offline-resume.ts'
import { createOfflineRuntimes } from '../../../src/cli/offline-runtimes.ts'
import type { DockerEngine } from '../../../src/platform/docker/container.ts'
import type { Effect, Target } from '../../../src/runtimes/model.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const DONE: Effect = { outcome: 'done', rung: 'sigcont', touched: true }

const held = (more: Partial<OfflineHeld> = {}): OfflineHeld => ({
  agent: 'mine',
  incarnation: 'boot-id:4026531836:77:12345',
  causes: ['human', 'budget'],
  stopped: [{ pid: 77, startTime: 12345 }],
  stoppedByOthers: [],
  ...more,
})

function setUp(all: readonly OfflineHeld[], effect: Effect = DONE) {
  const recorded: [OfflineHeld, OfflineOutcome][] = []
  const log: string[] = []
  let daemon = false
  const parts = {
    lock: {
      isHeld: () => !daemon,
      start: async () => void log.push('lock'),
      stop: async () => void log.push('unlock'),
    },
    open: async () => ({
      heldAgents: async () => all,
      recordResume: async (one: OfflineHeld, outcome: OfflineOutcome) => void recorded.push([one, outcome]),
      close: async () => void log.push('close'),
    }),
    resume: async ({ agent }: OfflineHeld) => {
      log.push(`resume ${agent}`)
      return effect
    },
    monotonic: () => 0,
  }
  return {
    parts,
    recorded,
    log,
    startDaemon() {
      daemon = true
    },
  }
}

describe('resume without a daemon', () => {
  it('continues what the journal says is held, writes it down and lets go of everything', async () => {
    const { parts, recorded, log } = setUp([held(), held({ agent: 'other' })])
    const [entry] = await resumeOffline('mine', 'uninstall', parts)
    expect(entry).toMatchObject({ agent: 'mine', action: 'resume', status: 'done', rung: 'sigcont' })
    expect(recorded).toEqual([[held(), { status: 'done', effect: DONE, reason: 'uninstall', durationMs: 0 }]])
    expect(log).toEqual(['lock', 'resume mine', 'close', 'unlock'])
  })

  it('touches nothing while a daemon of this user runs', async () => {
    const { parts, log, startDaemon } = setUp([held()])
    startDaemon()
    await expect(resumeOffline('mine', '', parts)).rejects.toMatchObject({ exitCode: 3 })
    expect(log).toEqual(['lock', 'unlock'])
  })

  it('knows nothing of an agent that is not held, and where there is no journal', async () => {
    const { parts, log } = setUp([held({ agent: 'other' })])
    await expect(resumeOffline('mine', '', parts)).rejects.toMatchObject({ exitCode: 4 })
    const none = { ...parts, open: async () => undefined }
    await expect(resumeOffline('mine', '', none)).rejects.toMatchObject({ exitCode: 4 })
    expect(log).toEqual(['lock', 'close', 'unlock', 'lock', 'unlock'])
  })

  it.each([
    ['partial', 0, 'partial'],
    ['failed', 0, 'failed'],
    ['needs_foreground', 1, 'needs_foreground'],
    ['gone', 1, 'noop'],
  ] as const)('after %s the hold is released %i times', async (outcome, times, status) => {
    const { parts, recorded } = setUp([held()], { outcome, rung: 'sigcont', touched: true })
    const [entry] = await resumeOffline('mine', '', parts)
    expect([entry?.status, recorded.length]).toEqual([status, times])
  })
})

describe('runtimes without a daemon', () => {
  function choose() {
    const targets: Target[] = []
    const driver = {
      async resume(target: Target) {
        targets.push(target)
        return DONE
      },
    }
    const resume = createOfflineRuntimes({
      clock: fakeClock(),
      procRoot: '/nowhere',
      cgroupRoot: '/nowhere',
      engine: {} as Pick<DockerEngine, 'actions'>,
      processes: driver,
      containers: driver,
    })
    return { resume, targets }
  }

  it('are found by the incarnation', async () => {
    const { resume, targets } = choose()
    const id = 'ab'.repeat(32)
    await resume(held())
    await resume(held({ incarnation: `${id}:2026-01-01T00:00:00.5Z` }))
    expect(await resume(held({ incarnation: 'registration:mine:1' }))).toMatchObject({ rung: 'cooperative' })
    expect(targets.map(({ runtime, container }) => [runtime, container])).toEqual([
      ['process', undefined],
      ['container', { id, startedAt: '2026-01-01T00:00:00.5Z' }],
    ])
    expect(await targets[0]?.snapshot?.()).toBeUndefined()
  })
})
