import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as passes } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type ActionEntry, isSettled } from '../../../src/control/model.ts'
import { type ControlTables, controlMigration } from '../../../src/control/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { StoreUnavailable } from '../../../src/platform/store/failure.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import type { RuntimeDriver } from '../../../src/runtimes/model.ts'
import {
  addAgent,
  createTestRoom,
  type FakeHost,
  fakeHost,
  type TestRoom,
} from '../../support/control-room.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** Sequences per run; each opens a few databases. */
const RUNS = Number(process.env['JOURNAL_RUNS'] ?? 25)
const AGENTS = ['a', 'b', 'c'] as const
const ACTIONS = ['pause', 'resume', 'terminate'] as const
const TRIGGERS = ['human', 'budget'] as const
const EPISODES = ['1', '2'] as const

interface Ask {
  readonly step: 'ask'
  readonly agent: (typeof AGENTS)[number]
  readonly action: (typeof ACTIONS)[number]
  readonly trigger: (typeof TRIGGERS)[number]
  readonly episode: (typeof EPISODES)[number]
  readonly outcome: 'as asked' | 'failed' | 'partial'
}

/** `settle` waits for what was asked; the other steps find it wherever it is by then. */
type Step =
  | Ask
  | { readonly step: 'settle' | 'crash' | 'refuse' | 'allow' | 'stall' | 'fill' | 'flow' }
  | { readonly step: 'breathe'; readonly ms: number }
  | { readonly step: 'time passes'; readonly ms: number }

const ask: fc.Arbitrary<Ask> = fc.record({
  step: fc.constant('ask'),
  agent: fc.constantFrom(...AGENTS),
  action: fc.constantFrom('pause', ...ACTIONS),
  trigger: fc.constantFrom(...TRIGGERS),
  episode: fc.constantFrom(...EPISODES),
  outcome: fc.constantFrom('as asked', 'as asked', 'as asked', 'failed', 'partial'),
})

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: ask },
    { weight: 2, arbitrary: fc.record({ step: fc.constantFrom('settle', 'crash', 'refuse', 'allow') }) },
    { weight: 2, arbitrary: fc.record({ step: fc.constantFrom('stall', 'fill', 'flow') }) },
    { weight: 2, arbitrary: fc.record({ step: fc.constant('breathe'), ms: fc.integer({ min: 0, max: 4 }) }) },
    {
      weight: 2,
      // A tenth of a second later an intent is late and goes to the spool file; a second later it is tried again.
      arbitrary: fc.record({ step: fc.constant('time passes'), ms: fc.constantFrom(100, 1_000, 60_000) }),
    },
  ),
  { minLength: 4, maxLength: 40, size: 'max' },
)

/** What is written goes through here, in order: at once, later, or not at all. */
interface Disk {
  set(state: 'flow' | 'stall' | 'fill'): void
  write(work: () => Promise<void>): Promise<void>
}

function createDisk(): Disk {
  let gate: Promise<void> = Promise.resolve()
  let open = (): void => {}
  let full = false
  return {
    set(state) {
      open()
      full = state === 'fill'
      if (state !== 'stall') return
      gate = new Promise((resolve) => {
        open = resolve
      })
    },
    async write(work) {
      if (full) throw new StoreUnavailable('full')
      await gate
      return work()
    },
  }
}

/** One run of the daemon on its own copy of the files: what it still does after it was killed reaches nobody. */
interface Life {
  readonly room: TestRoom
  readonly store: Store<ControlTables>
  readonly folder: ReturnType<typeof temporaryFolder>
  readonly asked: Promise<unknown>[]
  readonly disk: Disk
  isOver(): boolean
  end(): void
}

async function begin(host: FakeHost, after?: Life): Promise<Life> {
  const folder = temporaryFolder()
  after?.end()
  // As after a kill -9: what the kernel has of the files at this moment, in the midst of whatever is written.
  for (const name of ['agent-exporter.db', 'agent-exporter.db-wal', 'control.spool']) {
    const from = after && join(after.folder.path, name)
    if (from !== undefined && existsSync(from)) copyFileSync(from, join(folder.path, name))
  }
  const store = await openStore<ControlTables>({
    url: 'sqlite',
    dataDir: folder.path,
    daemonId: 'daemon-a',
    clock: systemClock,
    log: silentLog,
    migrations: [controlMigration],
  })
  const disk = createDisk()
  let alive = true
  const never = new Promise<never>(() => {})
  const mortal =
    <Args extends unknown[], Value>(work: (...args: Args) => Promise<Value>) =>
    async (...args: Args): Promise<Value> => {
      if (!alive) return never
      const value = await work(...args)
      return alive ? value : never
    }
  const { identify, observe, pause, resume, terminate } = host.runtime
  const runtime: RuntimeDriver = {
    kind: 'process',
    identify: mortal(identify),
    observe: mortal(observe),
    pause: mortal(pause),
    resume: mortal(resume),
    terminate: mortal(terminate),
  }
  const clock: FakeHost['clock'] = {
    ...host.clock,
    setTimer: (ms, run) => host.clock.setTimer(ms, () => alive && run()),
  }
  const mortalHost: FakeHost = Object.create(host, { runtime: { value: runtime }, clock: { value: clock } })
  const room = createTestRoom(mortalHost, {
    dataDir: folder.path,
    journal: {
      db: store.db,
      daemonId: store.daemonId,
      enqueue: (...rows) => store.enqueue(...rows),
      put: mortal((writes) => disk.write(mortal(() => store.put(writes)))),
    },
  })
  return {
    room,
    store,
    folder,
    disk,
    asked: [],
    isOver: () => !alive,
    end() {
      alive = false
    },
  }
}

async function dispose({ store, folder, end }: Life): Promise<void> {
  end()
  await store.close()
  folder[Symbol.dispose]()
}

/** What somebody was told, and must find again. */
interface Told {
  /** Let go or waiting: it has a row. */
  readonly begun: Map<string, ActionEntry>
  readonly settled: Map<string, ActionEntry>
}

async function rowsOf(store: Store<ControlTables>) {
  const rows = await store.db
    .selectFrom('control_actions')
    .select(['id', 'key', 'claims_key', 'entry'])
    .execute()
  return rows.map(({ entry, ...row }) => ({ ...row, entry: JSON.parse(entry) as ActionEntry }))
}

async function brokenIn(store: Store<ControlTables>, { begun, settled }: Told): Promise<string[]> {
  const broken: string[] = []
  const rows = new Map((await rowsOf(store)).map((row) => [row.id, row]))
  const takers = new Map<string, number>()
  for (const { key, claims_key: claims, entry } of rows.values()) {
    if (entry.status === 'refused' && claims !== 0) broken.push(`a refusal has the key ${key}`)
    if (entry.status !== 'intended' && entry.status !== 'done') continue
    takers.set(key, (takers.get(key) ?? 0) + 1)
  }
  for (const [key, count] of takers) if (count > 1) broken.push(`${count} rows have the key ${key}`)
  for (const id of begun.keys()) if (!rows.has(id)) broken.push(`${id} was begun and is gone`)
  for (const [id, entry] of settled) {
    const found = rows.get(id)?.entry
    if (JSON.stringify(found) !== JSON.stringify(entry)) {
      broken.push(`${id} was settled as ${JSON.stringify(entry)} and is ${JSON.stringify(found)}`)
    }
  }
  return broken
}

async function settleAll(life: Life, { begun, settled }: Told): Promise<void> {
  const { room, asked, disk } = life
  disk.set('flow')
  await Promise.all(asked.splice(0))
  for (const id of begun.keys()) if (!settled.has(id)) settled.set(id, await room.desk.settled(id))
  await rest(life)
}

/** A new daemon also drives what nobody was told of, and nobody waits for that. */
async function rest({ room }: Life): Promise<void> {
  for (;;) {
    const { underWay, recovering } = room.health()
    if (underWay === 0 && recovering === 0) return
    await passes(1)
  }
}

function put(step: Ask, host: FakeHost, { room, asked, isOver }: Life, { begun, settled }: Told): void {
  const { agent, action, trigger, episode, outcome } = step
  if (outcome !== 'as asked') host.runtime.next(action, { outcome })
  asked.push(
    room.ask({ agent, action, trigger, episode }).then(async (entry) => {
      // Whoever was not answered before the crash was told nothing.
      if (isOver() || entry.status === 'refused' || entry.status === 'dry_run') return
      begun.set(entry.id, entry)
      const end = await room.desk.settled(entry.id)
      if (!isOver()) settled.set(end.id, end)
    }),
  )
}

async function play(sequence: readonly Step[]): Promise<string[]> {
  const host = fakeHost({ maxFailures: 1_000 })
  for (const id of AGENTS) addAgent(host, id)
  const told: Told = { begun: new Map(), settled: new Map() }
  const lives = [await begin(host)]
  let life = lives[0]!
  await life.room.start()
  try {
    for (const step of sequence) {
      if (step.step === 'ask') put(step, host, life, told)
      else if (step.step === 'settle') await settleAll(life, told)
      else if (step.step === 'refuse') host.killSwitch = true
      else if (step.step === 'allow') host.killSwitch = false
      else if (step.step === 'stall' || step.step === 'fill' || step.step === 'flow') life.disk.set(step.step)
      else if (step.step === 'breathe') await passes(step.ms)
      else if (step.step === 'time passes') host.clock.advance(step.ms)
      else {
        life = await begin(host, life)
        lives.push(life)
        await life.room.start()
        const broken = await brokenIn(life.store, told)
        if (broken.length > 0) return broken
      }
    }
    await settleAll(life, told)
    // At rest: what a new daemon finds is what the old one knew, and nothing is left for it to do.
    const before = { holds: holdsOf(life), calls: host.runtime.calls.length }
    life = await begin(host, life)
    lives.push(life)
    await life.room.start()
    await rest(life)
    expect({ holds: holdsOf(life), calls: host.runtime.calls.length }).toEqual(before)
    return [...(await brokenIn(life.store, told)), ...(await withheld(host, life))]
  } finally {
    for (const one of lives) await dispose(one)
  }
}

function holdsOf({ room }: Life): string[] {
  return room.desk
    .state()
    .holds.map(({ agent, cause }) => `${agent} by ${cause}`)
    .sort()
}

/** Whoever was only refused may ask for the same again. */
async function withheld(host: FakeHost, { room, store }: Life): Promise<string[]> {
  host.killSwitch = false
  const rows = await rowsOf(store)
  const broken: string[] = []
  for (const { entry, key } of rows) {
    if (entry.refusal !== 'kill_switch' || rows.some((row) => row.key === key && row.claims_key === 1))
      continue
    const { agent, action, trigger, episode } = entry
    const again = await room.act({ agent, action, trigger, episode })
    if (again.refusal === 'kill_switch' || !isSettled(again)) broken.push(`${key} was withheld by a refusal`)
  }
  return broken
}

it('whatever is asked, refused, late and cut off: the journal in SQLite keeps its promises', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      expect(await play(sequence)).toEqual([])
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 45_000, markInterruptAsFailure: false },
  )
})
