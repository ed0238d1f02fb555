import { createHistory } from '../../../src/agents/history.ts'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import { emptyReading } from '../../../src/agents/reading.ts'
import type {
  ActionEntry,
  ActionRequest,
  ControlDesk,
  ControlEvents,
  HoldCause,
} from '../../../src/control/model.ts'
import { createControl } from '../../../src/control/service.ts'
import { createWaiters, type Waiters } from '../../../src/control/waiters.ts'
import type { ExhaustionConfig } from '../../../src/exhaustion/limits.ts'
import type { ExhaustionEvent, ExhaustionEvents } from '../../../src/exhaustion/model.ts'
import { createExhaustion, type Exhaustion } from '../../../src/exhaustion/service.ts'
import { createBus } from '../../../src/platform/bus.ts'
import type { Collector } from '../../../src/platform/feature.ts'
import { silentLog } from '../../../src/platform/log.ts'
import type { UsageEvents } from '../../../src/usage/model.ts'
import type { UsageRoom } from '../../../src/usage/room.ts'
import { createUsage } from '../../../src/usage/service.ts'
import { recordingRuntime } from '../../support/recording-runtime.ts'
import { type Call, type Deed, heldRuntime } from './held-runtime.ts'
import { createDisk } from './memory-store.ts'
import { createModelClock } from './model-clock.ts'

const BOOT_ID = '11111111-2222-4333-8444-555555555555'
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Events = ControlEvents & AgentEvents & UsageEvents & ExhaustionEvents
type Request = Pick<ActionRequest, 'action' | 'trigger' | 'hold'> & Partial<ActionRequest>

export interface WorldOptions {
  readonly agents?: readonly string[]
  readonly effects?: 'instant' | 'held'
  readonly exhaustion?: Partial<ExhaustionConfig>
  /** Where the journal goes that the disk does not take in time. */
  readonly dataDir?: string
}

export interface Waiting {
  readonly agent: string
  readonly incarnation: string
  readonly abort: AbortController
  outcomes: string[]
  /** Its daemon went away: the connection is cut, nothing is answered any more. */
  cut: boolean
  /** What was true when it was answered. */
  heldThen: boolean | undefined
}

/** One run of the daemon, built as `src/acting.ts` builds it. */
interface Run {
  readonly desk: ControlDesk
  readonly usage: UsageRoom
  readonly exhaustion: Exhaustion
  readonly waiters: Waiters
  readonly calls: Call[]
  readonly collectors: readonly Collector[]
  readonly registry: Map<string, Mutable<Agent>>
  readonly emit: <Name extends keyof Events>(name: Name, event: Events[Name]) => void
  stop(): Promise<void>
  alive: boolean
}

const EXHAUSTION: ExhaustionConfig = {
  enabled: true,
  warningThresholdPercent: 0.8,
  checkIntervalMs: 60_000,
  pauseOnIntervention: true,
  autoTerminate: false,
  terminateAfterMs: 200_000,
  requireConfirmationOnIntervention: false,
  tokenTypes: ['input', 'output', 'cache_write'],
  thresholds: {},
  profiles: {},
  roles: {},
}
const CONTROL = {
  mode: 'enforce',
  enforceDiscovered: false,
  cooldown: 0,
  maxFleetShare: 100,
  maxFailures: 3,
  maxAutoResumesPerHour: 100,
  approvalExpiry: 300_000,
  grace: 10_000,
} as const
const FILE_LIMIT = 10
const DELIVERABLE_LIMIT_MS = 300_000

const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A host with agents, a disk and a daemon that can be cut off at any point; the host and the disk stay. */
export async function createWorld(options: WorldOptions = {}) {
  const clock = createModelClock()
  const disk = createDisk()
  const runtime = recordingRuntime()
  const deeds: Deed[] = []
  const events: ExhaustionEvent[] = []
  const told: { readonly name: string; readonly entry: ActionEntry }[] = []
  const waiting: Waiting[] = []
  const hosted = new Map<string, Mutable<Agent>>()
  /** Files that were told about each life: all of them, and those that were acknowledged. */
  const sent = new Map<string, number>()
  const acknowledged = new Map<string, number>()
  const faults: string[] = []
  let lastRequest: ActionRequest | undefined
  let killSwitch = false
  let pace = options.effects ?? 'instant'
  let run: Run
  let births = 0
  let episodes = 0
  let asked = 0
  let answered = 0
  let restarts = 0

  function build(): Run {
    const self = { alive: true }
    const alive = () => self.alive
    const registry = new Map<string, Mutable<Agent>>()
    const time = clock.open({ alive })
    const bus = createBus<Events>((error, name) => faults.push(`handler of ${name}: ${error}`))
    bus.on('agent.phase_changed', ({ event }) => void events.push(event))
    for (const name of ['agent.paused', 'agent.resumed', 'agent.terminated'] as const)
      bus.on(name, ({ entry }) => void told.push({ name, entry }))
    const store = disk.open({ alive })
    const { driver, calls } = heldRuntime(runtime, {
      alive,
      deeds,
      pace: () => pace,
      killSwitch: () => killSwitch,
    })
    const agents = {
      get: (id: string) => registry.get(id),
      list: () => registry.values(),
      touch: () => {},
      mayTell: async () => true,
    }
    const usage = createUsage({
      ...{ clock: time, bootId: BOOT_ID, bus, log: silentLog, store, agents },
      config: () => ({
        tokenTypes: EXHAUSTION.tokenTypes,
        verifyArtifacts: false,
        resetCountersOnDeliverable: false,
      }),
      answer: (id) => exhaustion.answer(id) ?? { phase: 'normal', ratios: {} },
      ownUid: 1000,
      verify: async () => undefined,
    })
    const switches = {
      isEngaged: () => killSwitch,
      engage() {},
      release() {},
      describe: () => ({ engaged: killSwitch }),
      onChange() {},
      start() {},
      stop() {},
    }
    const room = createControl({
      ...{ clock: time, bootId: BOOT_ID, bus, log: silentLog, journal: store, agents },
      dataDir: options.dataDir ?? '/nonexistent',
      target: ({ id, incarnation, runtime: kind }, stopped, stoppedByOthers) => ({
        ...{ agent: id, incarnation, runtime: kind, stopped, stoppedByOthers },
        snapshot: async () => (runtime.stateOf(incarnation) === 'gone' ? undefined : treeOf(incarnation)),
      }),
      runtimes: { process: driver },
      enforced: (agent) => exhaustion.enforced(agent),
      protectedPids: () => new Set([1]),
      mayActOnUid: () => true,
      config: () => CONTROL,
      killSwitch: switches,
      lock: { isHeld: alive, async start() {}, async stop() {} },
    })
    const config = { ...EXHAUSTION, ...options.exhaustion }
    const exhaustion = createExhaustion({
      ...{ clock: time, bootId: BOOT_ID, log: silentLog, bus, store, agents },
      usage: usage.usage,
      control: room.desk,
      config: () => config,
      enforceDiscovered: () => false,
    })
    const waiters = createWaiters({
      bus,
      isHeld: room.desk.isHeld,
      isTerminal: room.desk.isTerminal,
      isLive: (id) => registry.get(id) !== undefined && registry.get(id)?.endedAtMs === undefined,
    })
    return Object.assign(self, {
      ...{ desk: room.desk, usage, exhaustion, waiters, calls, registry },
      collectors: room.collectors,
      emit: bus.emit,
      async start() {
        await usage.feature.start?.()
        await room.start()
        for (const agent of hosted.values()) {
          if (runtime.stateOf(agent.incarnation) === 'gone') continue
          agent.endedAtMs = undefined
          registry.set(agent.id, agent)
          bus.emit('agent.started', { agent, resumed: true })
        }
        await exhaustion.feature.start?.()
      },
      async stop() {
        await exhaustion.feature.stop?.()
        waiters.stop()
        await room.stop()
        await usage.feature.stop?.()
      },
    })
  }

  async function boot(): Promise<void> {
    run = build()
    await (run as Run & { start(): Promise<void> }).start()
    await quiet()
  }

  async function birth(id: string): Promise<void> {
    const pid = 1_000 + ++births
    const agent: Mutable<Agent> = {
      ...{ id, ordinal: pid, runtime: 'process', incarnation: `${BOOT_ID}:4026531836:${pid}:${pid * 10}` },
      ...{ origin: 'registered', state: 'running', endedAtMs: undefined, lastActivityAtMs: undefined },
      info: { name: id, role: undefined, vendor: undefined, workspace: undefined },
      ...{ startedAtMs: clock.now(), conflict: false, uid: 1000 },
      ...{ reading: emptyReading(), history: createHistory() },
    }
    hosted.set(id, agent)
    run.registry.set(id, agent)
    run.emit('agent.started', { agent, resumed: false })
    // A disk that is slow does not keep the world from turning.
    run.exhaustion
      .enrol(agent, {
        budget: { maxFilesAccessed: FILE_LIMIT, maxTimeWithoutDeliverableMs: DELIVERABLE_LIMIT_MS },
      })
      .catch((error: unknown) => faults.push(`enrolment: ${error}`))
    await quiet()
  }

  function cut(): void {
    run.alive = false
    for (const one of waiting) if (one.outcomes.length === 0) one.cut = true
  }

  function request(id: string, more: Request): void {
    ask({
      ...{ agent: id, actor: 'somebody', reason: 'because', episode: `episode-${++episodes}` },
      ...more,
    })
  }

  function ask(request: ActionRequest): void {
    const mine = run
    lastRequest = request
    asked++
    mine.desk
      .request(request)
      .then(({ id }) => mine.desk.settled(id))
      .then(
        () => {
          if (mine.alive) answered++
        },
        (error: unknown) => faults.push(`request: ${error}`),
      )
  }

  const world = {
    ...{ clock, disk, runtime, deeds, events, told, waiting, hosted, sent, acknowledged, faults, quiet },
    get run() {
      return run
    },
    get killSwitch() {
      return killSwitch
    },
    set killSwitch(on) {
      killSwitch = on
    },
    get restarts() {
      return restarts
    },
    entries: (): ActionEntry[] =>
      disk.rows('control_actions').map(({ entry }) => JSON.parse(entry) as ActionEntry),
    birth,
    request,
    /** From now on no effect takes any time. */
    hurry() {
      pace = 'instant'
    },
    /** The same request once more, with the same key. */
    again() {
      if (lastRequest !== undefined) ask(lastRequest)
    },
    use(id: string, files: number) {
      const agent = run.registry.get(id)
      if (agent === undefined) return
      const { incarnation } = agent
      add(sent, incarnation, files)
      run.usage
        .record(id, [{ files: [{ op: 'read', count: files }], source: 'api', atMs: clock.now() }])
        .then(
          () => add(acknowledged, incarnation, files),
          () => {},
        )
    },
    deliver(id: string) {
      if (run.registry.has(id))
        run.usage.deliver(id, { type: 'code_commit', description: undefined, artifacts: [] }).catch(() => {})
    },
    pass: (ms: number) => clock.pass(ms, quiet),
    wait(id: string) {
      const agent = hosted.get(id)!
      const mine = run
      const one: Waiting = {
        ...{ agent: id, incarnation: agent.incarnation, abort: new AbortController() },
        ...{ outcomes: [], cut: false, heldThen: undefined },
      }
      waiting.push(one)
      void mine.waiters.wait(id, one.abort.signal).then((outcome) => {
        if (!mine.alive) return
        one.heldThen = mine.desk.isHeld(id)
        one.outcomes.push(outcome)
      })
    },
    hangUp(id: string) {
      waiting.find(({ agent, outcomes, cut }) => agent === id && outcomes.length === 0 && !cut)?.abort.abort()
    },
    /** The tree of the agent ends by itself; the registry has not looked yet. */
    die(id: string) {
      runtime.setState(hosted.get(id)!.incarnation, 'gone')
    },
    /** The registry looks at its agents. */
    look() {
      for (const agent of run.registry.values()) {
        if (agent.endedAtMs !== undefined || runtime.stateOf(agent.incarnation) !== 'gone') continue
        agent.endedAtMs = clock.now()
        agent.state = 'exited'
        run.emit('agent.exited', { agent })
      }
    },
    /** Told again what it heard before. */
    retell() {
      const last = told.findLast(({ name }) => name === 'agent.resumed')
      if (last === undefined) return
      const row = disk.rows('control_actions').find(({ id }) => id === last.entry.id)
      const { released = [] } = JSON.parse(row?.trail ?? '{}') as { released?: HoldCause[] }
      run.emit('agent.resumed', { entry: last.entry, released })
    },
    /** The daemon is gone from one moment to the next, and comes back. */
    async crash(downMs = 0) {
      cut()
      disk.lose()
      disk.setPace('fast')
      restarts++
      asked = 0
      answered = 0
      // What the disk had not taken is told again: nobody remembers it.
      const kept = new Set(disk.rows('exhaustion_events').map(({ id }) => id))
      events.splice(0, events.length, ...events.filter(({ id }) => kept.has(id)))
      if (downMs > 0) await clock.pass(downMs, quiet)
      await boot()
    },
    /** The daemon is asked to end, and comes back. */
    async restart() {
      disk.setPace('fast')
      const stopping = run.stop()
      await quiet()
      await clock.pass(2_000, quiet)
      await stopping
      await world.crash()
    },
    unanswered: () => asked - answered,
  }

  await boot()
  for (const id of options.agents ?? ['a']) await birth(id)
  return world
}

export type World = Awaited<ReturnType<typeof createWorld>>

function add(counts: Map<string, number>, key: string, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more)
}

function treeOf(incarnation: string) {
  const [, , pid, startTime] = incarnation.split(':').map(Number)
  return {
    processes: [{ pid: pid!, startTime: startTime!, ppid: 1, pgrp: pid!, session: pid! }],
    groups: [pid!],
  }
}
