import type { Answer, MortalDaemon } from './crash-daemon.ts'
import type { Life } from './crash-trees.ts'

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Clients go while the daemon lives and its restart was looked at; `over` ends them after what they are at. */
export interface Course {
  readonly daemon: MortalDaemon
  readonly random: () => number
  /** Resolves when requests may be sent. */
  open(): Promise<void>
  readonly over: boolean
}

const RETRY_MS = 15
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Asks until there is an answer that says what became of it: the same key in every life of the daemon. */
async function insist(course: Course, path: string, body: unknown, key?: string): Promise<Answer> {
  for (;;) {
    await course.open()
    const answer = await course.daemon.ask('POST', path, body, key)
    const isAgain =
      answer === undefined ||
      answer.status >= 500 ||
      answer.status === 429 ||
      answer.body?.code === 'AE_IDEMPOTENCY_IN_PROGRESS'
    if (!isAgain) return answer
    await pause(RETRY_MS)
  }
}

/** Tells what an agent used, in singles and arrays, now and then a deliverable. */
export interface Reporter {
  readonly id: string
  /** Calls in requests that were answered, and in the one that is under way. */
  readonly acknowledged: number
  readonly pending: number
  readonly requests: number
  readonly deliverables: number
  readonly refused: readonly string[]
  run(): Promise<void>
}

export function createReporter(course: Course, id: string): Reporter {
  let acknowledged = 0
  let pending = 0
  let requests = 0
  let deliverables = 0
  const refused: string[] = []
  return {
    id,
    get acknowledged() {
      return acknowledged
    },
    get pending() {
      return pending
    },
    get requests() {
      return requests
    },
    get deliverables() {
      return deliverables
    },
    refused,
    async run() {
      await insist(course, '/api/v1/agents', { id })
      for (let number = 0; !course.over; number++) {
        const key = `${id}-${number}`
        if (course.random() < 0.1) {
          const answer = await insist(
            course,
            `/api/v1/agents/${id}/deliverables`,
            { type: 'analysis_report' },
            key,
          )
          if (answer.status === 201) deliverables++
          else refused.push(`${answer.status} ${answer.body?.code}`)
          continue
        }
        const calls = Array.from(
          { length: course.random() < 0.5 ? 1 : 1 + Math.floor(course.random() * 9) },
          () => ({
            apiCalls: 1 + Math.floor(course.random() * 3),
          }),
        )
        pending = calls.reduce((sum, { apiCalls }) => sum + apiCalls, 0)
        const answer = await insist(
          course,
          `/api/v1/agents/${id}/usage`,
          calls.length === 1 ? calls[0] : calls,
          key,
        )
        if (answer.status === 200) acknowledged += pending
        else refused.push(`${answer.status} ${answer.body?.code}`)
        pending = 0
        requests++
      }
    },
  }
}

export type Verb = 'pause' | 'resume' | 'terminate'

/** A request to act whose key was used, with what was answered for it. */
export interface Asked {
  readonly verb: Verb
  readonly key: string
  /** Life of the tree or container it was meant for. */
  readonly life: string
  readonly actionId: string | undefined
  readonly code: string
}

/** One life of something that can be stopped: a tree of processes, a container. */
export interface Subject {
  /** What nothing else is called, before or after it. */
  readonly life: string
  /** Everyone who belongs to it and lives; `T`: stopped. */
  living(): readonly { readonly life: Life; readonly state: string }[]
  end(): unknown
}

/** What people do to one agent. Its subjects are started anew under the same name when they were terminated. */
export interface Manager<S extends Subject> {
  readonly id: string
  readonly asked: readonly Asked[]
  /** Answers to a key that named another action than before. */
  readonly mismatches: readonly string[]
  /** Every one that ever bore the name. */
  readonly subjects: readonly S[]
  run(): Promise<void>
}

export interface ManagerOptions<S extends Subject> {
  readonly id: string
  /** With `budget` its own use pauses it again and again. */
  readonly pausedBy: 'people' | 'budget'
  /** Chance that it is terminated and started anew instead of paused. */
  readonly mortality: number
  start(): Promise<S>
  /** Resolves when the daemon knows this life by the name. */
  introduce(subject: S): Promise<void>
}

/** Names the tree to the daemon until it takes it. */
export async function registerTree(
  course: Course,
  body: { readonly id: string; readonly runtime: { readonly pid: number } },
): Promise<void> {
  for (;;) {
    const { status } = await insist(course, '/api/v1/agents', body)
    if (status === 200 || status === 201) return
    await pause(RETRY_MS)
  }
}

/** Waits until the daemon has found this life by itself. */
export async function untilFound(course: Course, id: string, { life }: Subject): Promise<void> {
  for (;;) {
    await course.open()
    const answer = await course.daemon.ask('GET', `/api/v1/agents/${id}`)
    if (answer?.body?.incarnation === life) return
    await pause(RETRY_MS)
  }
}

export function createManager<S extends Subject>(course: Course, options: ManagerOptions<S>): Manager<S> {
  const { id, pausedBy, mortality } = options
  const asked: Asked[] = []
  const mismatches: string[] = []
  const subjects: S[] = []
  const { random, daemon } = course
  let number = 0

  async function begin(): Promise<S> {
    const subject = await options.start()
    subjects.push(subject)
    await options.introduce(subject)
    return subject
  }

  async function act(verb: Verb, { life }: S, key = `${id}-${number++}`): Promise<Asked> {
    const answer = await insist(course, `/api/v1/agents/${id}/${verb}`, { reason: key }, key)
    const entry: Asked = {
      ...{ verb, key, life, actionId: answer.body?.actionId },
      code: answer.body?.code ?? answer.body?.refusal ?? answer.body?.status ?? String(answer.status),
    }
    asked.push(entry)
    return entry
  }

  /** Sends a request again that was answered before: the answer names the same action, and nothing happens. */
  async function again(): Promise<void> {
    const old = asked[Math.floor(random() * asked.length)]
    if (old?.actionId === undefined || old.code === 'ended') return
    const answer = await insist(course, `/api/v1/agents/${id}/${old.verb}`, { reason: old.key }, old.key)
    const now = answer.body?.actionId
    if (now !== undefined && now !== old.actionId) {
      mismatches.push(
        `${old.verb} ${old.key}: ${old.actionId} and ${now} (${answer.body?.status} ${answer.body?.refusal})`,
      )
    }
  }

  async function settled(entry: Asked): Promise<void> {
    while (entry.actionId !== undefined) {
      await course.open()
      const answer = await daemon.ask('GET', `/api/v1/actions/${entry.actionId}`)
      if (answer?.status === 404) return
      if (answer?.body?.status !== undefined && answer.body.status !== 'intended') return
      await pause(RETRY_MS * 2)
    }
  }

  /** A disk that is slow at the moment is a reason to refuse it, not to do without it. */
  async function end(subject: S): Promise<void> {
    for (;;) {
      const entry = await act('terminate', subject)
      await settled(entry)
      if (entry.code !== 'not_durable') return
      await pause(RETRY_MS)
    }
  }

  async function use(): Promise<void> {
    for (let step = 0; step < 4; step++) {
      await insist(course, `/api/v1/agents/${id}/usage`, { apiCalls: 5 }, `${id}-use-${number++}`)
    }
  }

  return {
    id,
    asked,
    mismatches,
    subjects,
    async run() {
      let subject = await begin()
      while (!course.over) {
        if (random() < 0.2 && asked.length > 0) await again()
        if (random() < mortality) {
          if (random() < 0.3) await act('pause', subject)
          await end(subject)
          for (let tries = 0; subject.living().length > 0 && tries < 1_000; tries++) await pause(RETRY_MS)
          if (subject.living().length > 0) {
            mismatches.push(`terminate left ${subject.living().length} of ${subject.life}`)
            await subject.end()
          }
          subject = await begin()
          continue
        }
        if (pausedBy === 'budget') await use()
        else {
          const paused = await act('pause', subject)
          if (random() < 0.6) await settled(paused)
        }
        const resumed = await act('resume', subject)
        if (random() < 0.6) await settled(resumed)
      }
    },
  }
}
