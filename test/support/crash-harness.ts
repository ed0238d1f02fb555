import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from './child.ts'
import { type Box, compareWithEngine, createBoxes, type EngineLog, followEngine } from './crash-boxes.ts'
import {
  type Course,
  createManager,
  createReporter,
  type ManagerOptions,
  registerTree,
  type Subject,
  seeded,
  untilFound,
} from './crash-clients.ts'
import { createMortalDaemon } from './crash-daemon.ts'
import { type SmallTree, startSmallTree } from './crash-trees.ts'
import type { Dockerd } from './dockerd.ts'

export interface CrashOptions {
  readonly kills: number
  readonly seed: number
  /** With one, containers of it are paused and ended beside the trees. */
  readonly dockerd?: Dockerd | undefined
  /** No further kill after this, if some came where they matter; the rest is looked at all the same. */
  readonly withinSeconds?: number
  /** Told now and then how far it is. */
  readonly progress?: (line: string) => void
}

/** What a run of kills came to; `violations` is empty when the daemon kept its word. */
export interface CrashReport {
  readonly seed: number
  readonly kills: number
  readonly killsBeforeReady: number
  readonly seconds: number
  readonly usageRequests: number
  readonly recordsAcknowledged: number
  readonly deliverables: number
  readonly actions: number
  readonly redriven: number
  readonly trees: number
  /** Lives of containers, and what the engine says that was done to them. */
  readonly boxes: number
  readonly engineEffects: Readonly<Record<string, number>>
  readonly killsWithStoppedTrees: number
  readonly killsWithPausedBoxes: number
  readonly killsWithIntents: number
  readonly statuses: Readonly<Record<string, number>>
  readonly losses: number
  readonly doubles: number
  readonly orphans: number
  readonly violations: readonly string[]
}

interface Entry {
  readonly id: string
  readonly agent: string
  readonly incarnation?: string
  readonly at: string
  readonly action: string
  readonly trigger: string
  readonly status: string
  readonly attempt: number
  readonly refusal?: string
  readonly detail?: string
  readonly reason: string
}

const MOST_LOAD_MS = 600
const LONG_LOAD_MS = 2_500
const START_MS = 900
const FULL_LOOK_EVERY = 25
/** Of kills and time, where chance has it that none has come in the midst of something. */
const LONGEST_FACTOR = 2
const REPORTERS = ['reports-a', 'reports-b', 'reports-c']
/** Limit of the containers that are paused by what they use. */
const BOX_PROFILE = 'small'

/** Kills the built daemon again and again under load and actions, and compares what it says with what is. */
export async function runCrashes(options: CrashOptions): Promise<CrashReport> {
  const { seed, progress, dockerd, withinSeconds = Number.POSITIVE_INFINITY } = options
  const from = performance.now()
  let kills = 0
  const random = seeded(seed)
  const violations: string[] = []
  const count = { losses: 0, doubles: 0, orphans: 0 }
  const wrong = (kind: keyof typeof count, what: string): void => {
    count[kind]++
    violations.push(`${kind}: ${what}`)
  }
  await using daemon = await createMortalDaemon(
    {
      control: { lock: `crash-${process.pid}-${seed}`, grace: '300ms' },
      agents: { discovery: { processes: false, containers: dockerd !== undefined } },
      resourceExhaustion: { profiles: { [BOX_PROFILE]: { maxApiCalls: 10 } } },
    },
    { NODE_ENV: 'production', DOCKER_HOST: `unix://${dockerd?.socketPath ?? '/nonexistent/docker.sock'}` },
  )
  const engine = dockerd === undefined ? undefined : await followEngine(dockerd)
  const gate = createGate()
  const course: Course = {
    daemon,
    random,
    open: gate.open,
    get over() {
      return gate.isOver()
    },
  }
  const reporters = REPORTERS.map((id) => createReporter(course, id))
  type Kind = Pick<ManagerOptions<Subject>, 'id' | 'pausedBy' | 'mortality'>
  const treeManager = (kind: Kind, opening: object) =>
    createManager<SmallTree>(course, {
      ...kind,
      start: startSmallTree,
      introduce: ({ root: { pid } }) => registerTree(course, { id: kind.id, runtime: { pid }, ...opening }),
    })
  const boxManager = (kind: Kind, engineOf: Dockerd) =>
    createManager<Box>(course, {
      ...kind,
      start: createBoxes(engineOf, kind.id, kind.pausedBy === 'budget' ? BOX_PROFILE : undefined).next,
      introduce: (box) => untilFound(course, kind.id, box),
    })
  const treeManagers = [
    treeManager({ id: 'people-a', pausedBy: 'people', mortality: 0 }, { enforce: true }),
    treeManager({ id: 'people-b', pausedBy: 'people', mortality: 0.15 }, { enforce: true }),
    treeManager({ id: 'people-c', pausedBy: 'people', mortality: 0.5 }, { enforce: true }),
    treeManager({ id: 'budget-a', pausedBy: 'budget', mortality: 0 }, { budget: { maxApiCalls: 15 } }),
    treeManager({ id: 'budget-b', pausedBy: 'budget', mortality: 0.1 }, { budget: { maxApiCalls: 10 } }),
  ]
  const boxManagers =
    dockerd === undefined
      ? []
      : [
          boxManager({ id: 'box-people', pausedBy: 'people', mortality: 0.25 }, dockerd),
          boxManager({ id: 'box-budget', pausedBy: 'budget', mortality: 0.1 }, dockerd),
        ]
  const managers = [...treeManagers, ...boxManagers]
  let clients: Promise<unknown> | undefined
  let killsBeforeReady = 0
  let killsWithStoppedTrees = 0
  let killsWithPausedBoxes = 0
  let killsWithIntents = 0

  try {
    for (let kill = 0; goesOn(); kill++, kills++) {
      daemon.launch()
      if (kill > 0 && random() < 0.07) {
        await delay(random() * START_MS)
        await daemon.kill()
        killsBeforeReady++
        continue
      }
      await daemon.ready()
      killsWithIntents += (await look(kill)) > 0 ? 1 : 0
      gate.release()
      clients ??= Promise.all([...reporters, ...managers].map((client) => client.run()))
      await delay(random() * (random() < 0.1 ? LONG_LOAD_MS : MOST_LOAD_MS))
      await daemon.kill()
      gate.close()
      if (anyStopped(treeManagers)) killsWithStoppedTrees++
      if (anyStopped(boxManagers)) killsWithPausedBoxes++
      if ((kill + 1) % FULL_LOOK_EVERY === 0) {
        progress?.(
          `${kill + 1} kills, ${JSON.stringify(count)}${violations
            .slice(-3)
            .map((line) => `\n  ${line}`)
            .join('')}`,
        )
      }
    }
    daemon.launch()
    await daemon.ready()
    await look(kills)
    gate.end()
    gate.release()
    await within(clients ?? Promise.resolve(), 120_000, 'the clients end')
    const entries = await everythingSettles()
    await totals('exact')
    effects(entries)
    const engineEffects = engine === undefined ? {} : await engineDid(engine, entries)
    await everybodyGoesOn()
    const asked = managers.flatMap((manager) => manager.asked)
    return {
      ...{ seed, kills, killsBeforeReady, killsWithStoppedTrees, killsWithPausedBoxes, killsWithIntents },
      ...{ ...count, violations, engineEffects },
      seconds: Math.round((performance.now() - from) / 1_000),
      usageRequests: sum(reporters, ({ requests }) => requests),
      recordsAcknowledged: sum(reporters, ({ acknowledged }) => acknowledged),
      deliverables: sum(reporters, ({ deliverables }) => deliverables),
      actions: asked.length,
      redriven: entries.filter(({ attempt }) => attempt > 1).length,
      trees: sum(treeManagers, ({ subjects }) => subjects.length),
      boxes: sum(boxManagers, ({ subjects }) => subjects.length),
      statuses: tally(
        entries.map(({ action, trigger, status, refusal }) =>
          [trigger, action, status, refusal].filter(Boolean).join(' '),
        ),
      ),
    }
  } finally {
    engine?.stop()
    for (const { subjects } of treeManagers) for (const tree of subjects) tree.end()
  }

  /** As often as was asked for and there is time; longer where no kill has come in the midst of something. */
  function goesOn(): boolean {
    const seconds = (performance.now() - from) / 1_000
    const inMidst = Math.min(killsWithStoppedTrees, killsWithIntents)
    if (inMidst > 0) return kills < options.kills && seconds <= withinSeconds
    return kills < LONGEST_FACTOR * options.kills && seconds <= LONGEST_FACTOR * withinSeconds
  }

  /** After a restart, before anybody asks for anything new. Answers how many actions were found begun. */
  async function look(kill: number): Promise<number> {
    const begun = (await actions('?status=intended')).length
    if (clients === undefined) return begun
    await totals('or pending')
    await nobodyIsForgotten(kill)
    return begun
  }

  async function totals(kind: 'exact' | 'or pending'): Promise<void> {
    for (const reporter of reporters) {
      const answer = await daemon.ask('GET', `/api/v1/agents/${reporter.id}`)
      const { acknowledged, pending } = reporter
      if (answer === undefined || (answer.status === 404 && acknowledged === 0)) continue
      const counted = answer.body?.apiCallsCount ?? 0
      if (counted === acknowledged || (kind === 'or pending' && counted === acknowledged + pending)) continue
      wrong(
        counted < acknowledged ? 'losses' : 'doubles',
        `${reporter.id} has ${counted}, acknowledged ${acknowledged}, under way ${pending} (${answer.status})`,
      )
    }
    if (kind === 'or pending') return
    for (const { id, deliverables, refused } of reporters) {
      let listed = 0
      let cursor: string | undefined
      do {
        const answer = await daemon.ask(
          'GET',
          `/api/v1/agents/${id}/deliverables?limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
        )
        listed += answer?.body?.items?.length ?? 0
        cursor = answer?.body?.nextCursor ?? undefined
      } while (cursor !== undefined)
      if (listed !== deliverables) {
        wrong(
          listed < deliverables ? 'losses' : 'doubles',
          `${id} lists ${listed} deliverables of ${deliverables}`,
        )
      }
      for (const code of refused) wrong('losses', `${id} was refused: ${code}`)
    }
  }

  /** Whoever is stopped is held, or an action that is not settled says why; half a stopped tree as well. */
  async function nobodyIsForgotten(kill: number): Promise<void> {
    for (const manager of managers) {
      for (const subject of manager.subjects) {
        if (!subject.living().some(isStopped)) continue
        const why = await eventually(
          'somebody says why it is stopped',
          async () => {
            if (!subject.living().some(isStopped)) return 'goes on'
            return (await reasonFor(manager.id)) ?? undefined
          },
          5_000,
        ).catch(() => undefined)
        if (why === undefined)
          wrong(
            'orphans',
            `${manager.id} ${subject.life} after kill ${kill}: ${JSON.stringify(subject.living())}`,
          )
      }
    }
  }

  async function reasonFor(agent: string): Promise<string | undefined> {
    const begun = (await actions(`?status=intended&agent=${agent}`))[0]
    if (begun !== undefined) return begun.id
    const state = await daemon.ask('GET', '/api/v1/control')
    const hold = state?.body?.holds?.find((one: { agent: string }) => one.agent === agent)
    if (hold === undefined) return undefined
    const entries = await actions(`?agent=${agent}&limit=50`)
    return entries.find(({ incarnation, status }) => incarnation === hold.incarnation && status !== 'refused')
      ?.id
  }

  async function actions(query: string): Promise<Entry[]> {
    const answer = await daemon.ask('GET', `/api/v1/actions${query}`)
    return answer?.body?.items ?? []
  }

  async function everythingSettles(): Promise<readonly Entry[]> {
    await eventually(
      'every action is settled',
      async () => (await actions('?status=intended')).length === 0 || undefined,
      90_000,
      200,
    ).catch(() => undefined)
    const all: Entry[] = []
    let cursor: string | undefined
    do {
      const answer = await daemon.ask(
        'GET',
        `/api/v1/actions?limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      )
      all.push(...(answer?.body?.items ?? []))
      cursor = answer?.body?.nextCursor ?? undefined
    } while (cursor !== undefined)
    for (const { id, action, agent, status } of all) {
      if (status === 'intended') wrong('losses', `${action} ${id} of ${agent} never settled`)
    }
    return all
  }

  /** What was done, counted where it is done, against what was asked for. */
  function effects(entries: readonly Entry[]): void {
    const byId = new Map(entries.map((entry) => [entry.id, entry]))
    const signals = daemon.signals()
    for (const manager of managers) {
      for (const mismatch of manager.mismatches) wrong('doubles', `${manager.id}: ${mismatch}`)
      for (const { actionId, verb, key } of manager.asked) {
        if (actionId !== undefined && !byId.has(actionId))
          wrong('losses', `${verb} ${key} (${actionId}) is not in the journal`)
      }
    }
    for (const manager of treeManagers) {
      for (const tree of manager.subjects) {
        const { pid, startTime } = tree.root
        const sent = signals.filter((one) => Math.abs(one.pid) === pid && one.startTime === startTime)
        const firstEnd = sent.findIndex(({ signal }) => signal === 'SIGTERM' || signal === 'SIGKILL')
        const before = (firstEnd < 0 ? sent : sent.slice(0, firstEnd)).map(({ signal }) => signal)
        const mine = entries.filter(
          ({ agent, incarnation }) => agent === manager.id && incarnation?.endsWith(`:${pid}:${startTime}`),
        )
        const tried = (action: string) =>
          mine.filter(
            (entry) => entry.action === action && entry.status !== 'refused' && entry.status !== 'dry_run',
          )
        const pauses = tried('pause')
        const ends = tried('terminate')
        const asked = manager.asked.filter(({ life }) => life === tree.life)
        if (
          new Set(asked.filter(({ verb }) => verb === 'terminate').map(({ key }) => key)).size === 0 &&
          firstEnd >= 0
        ) {
          wrong('doubles', `${manager.id} ${pid} was ended though nobody asked for it`)
        }
        const stops = runsOf(before, 'SIGSTOP')
        // A terminate stops the tree first, once for each attempt that came no further.
        const most = pauses.length + (ends.length > 0 ? 1 : 0)
        if (stops > most)
          wrong('doubles', `${manager.id} ${pid} was stopped ${stops} times for ${most} entries`)
        const resumed = tried('resume').length
        const goesOn = runsOf(before, 'SIGCONT')
        if (goesOn > resumed)
          wrong('doubles', `${manager.id} ${pid} was continued ${goesOn} times for ${resumed} entries`)
        const done = pauses.filter(({ status }) => status === 'done').length
        if (stops < done)
          wrong('losses', `${manager.id} ${pid} was stopped ${stops} times, ${done} pauses claim it`)
        const attempts = sum(ends, ({ attempt }) => attempt)
        const terms = sent.filter(({ signal }) => signal === 'SIGTERM').length
        if (terms > attempts)
          wrong('doubles', `${manager.id} ${pid} got SIGTERM ${terms} times in ${attempts} attempts`)
        if (ends.some(({ status }) => status === 'done') && tree.living().length > 0) {
          wrong('losses', `${manager.id} ${pid} is said to be terminated and lives`)
        }
      }
    }
  }

  /** The same of containers: what the engine tells of them, life by life. Counts what it did in all. */
  async function engineDid(log: EngineLog, entries: readonly Entry[]): Promise<Record<string, number>> {
    await log.caughtUp()
    const names: string[] = []
    for (const { id, subjects, asked } of boxManagers) {
      for (const box of subjects) {
        const deeds = log.deeds(box)
        const rows = entries.filter(({ agent, incarnation }) => agent === id && incarnation === box.life)
        for (const { kind, what } of compareWithEngine(rows, deeds)) {
          wrong(kind, `${id} ${box.life}: ${what}\n    ${JSON.stringify(rows)}\n    ${JSON.stringify(deeds)}`)
        }
        const isAsked = asked.some(({ life, verb }) => life === box.life && verb === 'terminate')
        const ended = deeds.some(({ action }) => action === 'kill' || action === 'die')
        if (ended && !isAsked) wrong('doubles', `${id} ${box.life} was ended though nobody asked for it`)
        const isDone = rows.some(({ action, status }) => action === 'terminate' && status === 'done')
        if (isDone && box.living().length > 0)
          wrong('losses', `${id} ${box.life} is said to be terminated and lives`)
        names.push(
          ...deeds.map(({ action, signal }) => (signal === undefined ? action : `${action} ${signal}`)),
        )
      }
    }
    return tally(names)
  }

  /** At the end a person resumes everybody: nobody stays stopped. */
  async function everybodyGoesOn(): Promise<void> {
    for (const { id, subjects } of managers) {
      await daemon.ask('POST', `/api/v1/agents/${id}/resume?wait=60s`, { reason: 'the end' }, `${id}-end`)
      for (const subject of subjects) {
        const left = subject.living().filter(isStopped)
        if (left.length > 0)
          wrong('orphans', `${id} ${subject.life} stays stopped at the end: ${JSON.stringify(left)}`)
      }
    }
  }
}

const isStopped = ({ state }: { readonly state: string }): boolean => state === 'T'

function anyStopped(managers: readonly { readonly subjects: readonly Subject[] }[]): boolean {
  return managers.some(({ subjects }) => subjects.some((subject) => subject.living().some(isStopped)))
}

/** How often it changes to `wanted`, whatever is repeated. */
function runsOf(signals: readonly string[], wanted: string): number {
  return signals.filter((signal, at) => signal === wanted && signals[at - 1] !== wanted).length
}

function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((total, one) => total + of(one), 0)
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

async function within<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not happen within ${ms} ms: ${what}`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Holds the clients back between the lives of the daemon. */
function createGate() {
  let waiting: (() => void)[] = []
  let isOpen = false
  let over = false
  return {
    open: (): Promise<void> =>
      isOpen ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve)),
    isOver: () => over,
    end(): void {
      over = true
    },
    close(): void {
      isOpen = false
    },
    release(): void {
      isOpen = true
      const all = waiting
      waiting = []
      for (const go of all) go()
    },
  }
}
