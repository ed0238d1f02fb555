import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { eventually } from './child.ts'
import { containerGroup } from './container-look.ts'
import type { Subject } from './crash-clients.ts'
import type { Dockerd, RunningContainer } from './dockerd.ts'

/** A labelled container that is started again under the same name and number when it was ended. */
export interface Boxes {
  /** The next life of it. */
  next(): Promise<Box>
}

/** One life of a container. */
export interface Box extends Subject {
  readonly container: string
  /** Which of its starts this was, from 0. */
  readonly ordinal: number
}

/** Told at once by whoever listens, so that an end takes no grace. */
const SCRIPT = "trap 'exit 0' TERM; busybox sleep 7200 & busybox sleep 7200 & wait"
const START_LABELS = { 'agent-exporter.enforce': 'true' }

export function createBoxes(dockerd: Dockerd, agent: string, profile?: string): Boxes {
  let running: RunningContainer | undefined
  let starts = 0

  async function start(): Promise<Docker.Container> {
    if (running !== undefined) {
      const { container } = running
      // Its processes are gone a little before the engine has heard of it.
      await eventually(
        'it has ended',
        async () => (await container.inspect()).State.Running === false || undefined,
      )
      await container.start()
      return container
    }
    const labels = {
      ...START_LABELS,
      'agent-exporter.agent': agent,
      ...(profile === undefined ? {} : { 'agent-exporter.profile': profile }),
    }
    running = await dockerd.runContainer({ script: SCRIPT, labels })
    return running.container
  }

  return {
    async next() {
      const container = await start()
      const { Pid: pid, StartedAt } = (await container.inspect()).State
      const startTime = startTimeOf(pid)
      const group = containerGroup(pid)
      return {
        container: container.id,
        ordinal: starts++,
        life: `${container.id}:${StartedAt}`,
        living() {
          // The next life has a group of the same name: this one ends with its first process, which takes all along.
          if (startTime === undefined || startTimeOf(pid) !== startTime) return []
          const state = group.isFrozen() ? 'T' : 'S'
          return group.processes().map((one) => ({ life: { pid: one, startTime: '' }, state }))
        },
        end: () => container.kill().catch(() => undefined),
      }
    },
  }
}

/** Absent for one that has ended, a zombie included. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** What an engine says it has done to a container. */
export interface EngineDeed {
  readonly action: string
  /** Wall clock in milliseconds. */
  readonly at: number
  readonly signal: string | undefined
}

/** Every event of an engine from now on: it remembers only a few hundred by itself. */
export interface EngineLog {
  /** What happened to one life of a container. */
  deeds(box: Pick<Box, 'container' | 'ordinal'>): readonly EngineDeed[]
  /** Resolves when everything that has happened until now is written down. */
  caughtUp(): Promise<void>
  stop(): void
}

export async function followEngine({ docker }: Dockerd): Promise<EngineLog> {
  const stream = (await docker.getEvents({ filters: { type: ['container'] } })) as Readable
  const deeds: (EngineDeed & { readonly container: string })[] = []
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') continue
      const { Action: action, Actor, timeNano } = JSON.parse(line)
      deeds.push({ container: Actor.ID, action, at: timeNano / 1e6, signal: Actor.Attributes.signal })
    }
  })
  stream.on('error', () => undefined)
  let marks = 0
  return {
    deeds({ container, ordinal }) {
      const all = deeds.filter((deed) => deed.container === container)
      const starts = all.flatMap(({ action }, at) => (action === 'start' ? [at] : []))
      return all.slice(starts[ordinal], starts[ordinal + 1])
    },
    async caughtUp() {
      const [any] = await docker.listContainers({ all: true })
      if (any === undefined) return
      const seen = deeds.filter(({ action }) => action === 'rename').length
      await docker.getContainer(any.Id).rename({ name: `caught-up-${process.pid}-${marks++}` })
      await eventually(
        'the engine has told everything',
        () => deeds.filter(({ action }) => action === 'rename').length > seen || undefined,
      )
    },
    stop: () => void stream.destroy(),
  }
}

/** A line of the journal about one life, as far as it is compared. */
export interface JournalRow {
  readonly action: string
  readonly status: string
  readonly attempt: number
  readonly at: string
}

/**
 * What the engine did to one life against the rows of the journal: at every moment not more effects than keys that
 * were let go until then, and at the end not fewer than are said to be done.
 */
export function compareWithEngine(
  rows: readonly JournalRow[],
  deeds: readonly EngineDeed[],
): { readonly kind: 'doubles' | 'losses'; readonly what: string }[] {
  const found: { kind: 'doubles' | 'losses'; what: string }[] = []
  const tried = (action: string) =>
    rows.filter((row) => row.action === action && row.status !== 'refused' && row.status !== 'dry_run')
  const times = (action: string, signal?: string) =>
    deeds.filter((one) => one.action === action && (signal === undefined || one.signal === signal))
  const ends = tried('terminate')

  function atMostOneEach(action: string, effects: readonly EngineDeed[], begun: readonly JournalRow[]): void {
    const allowed = begun.map(({ at }) => Date.parse(at)).toSorted((a, b) => a - b)
    for (const [index, { at }] of effects.entries()) {
      if ((allowed[index] ?? Number.POSITIVE_INFINITY) <= at) continue
      const keys = allowed.filter((from) => from <= at).length
      found.push({ kind: 'doubles', what: `${index + 1} times ${action} for ${keys} keys` })
      return
    }
  }

  atMostOneEach('pause', times('pause'), tried('pause'))
  // The engine lets go itself what it ends, and says so.
  atMostOneEach('unpause', times('unpause'), [...tried('resume'), ...ends])
  const attempts = ends.flatMap((row) => Array.from({ length: row.attempt }, () => row))
  atMostOneEach('SIGTERM', times('kill', '15'), attempts)
  atMostOneEach('die', times('die'), ends)
  for (const [action, event] of [
    ['pause', 'pause'],
    ['resume', 'unpause'],
    ['terminate', 'die'],
  ] as const) {
    const done = tried(action).filter(({ status }) => status === 'done').length
    const happened = times(event).length
    if (happened < done) found.push({ kind: 'losses', what: `${happened} times ${event}, ${done} claim it` })
  }
  return found
}
