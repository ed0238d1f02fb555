import { brokenAtRest, brokenNow } from './invariants.ts'
import { applies, type Letter, play } from './letters.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

export interface Exploration {
  readonly letters: readonly Letter[]
  readonly depth: number
  readonly world?: WorldOptions
  /** Up to here every sequence is followed, beyond it only the first one into each state. */
  readonly everySequenceTo?: number
  readonly prefix?: readonly Letter[]
}

export interface Explored {
  readonly sequences: number
  readonly states: number
  /** The shortest sequence that breaks something, to be played again with `replay`. */
  readonly counterexample:
    | { readonly letters: readonly Letter[]; readonly broken: readonly string[] }
    | undefined
}

/** Every sequence of the letters up to `depth`, shortest first; each ends in rest and one more restart. */
export async function explore(exploration: Exploration): Promise<Explored> {
  const { letters, depth, everySequenceTo = 2, prefix = [] } = exploration
  const seen = new Set<string>()
  let sequences = 0
  let frontier: (readonly Letter[])[] = [prefix]
  for (let length = 1; length <= depth; length++) {
    const next: (readonly Letter[])[] = []
    for (const before of frontier) {
      for (const letter of letters) {
        const world = await createWorld(exploration.world)
        for (const one of before) await play(one, world, 'a')
        if (!applies(letter, world, 'a')) continue
        const sequence = [...before, letter]
        const broken = await lastStep(letter, world)
        sequences++
        const state = fingerprint(world)
        const isNew = !seen.has(state)
        seen.add(state)
        if (isNew) broken.push(...(await brokenAtRest(world)))
        if (broken.length > 0) {
          return { sequences, states: seen.size, counterexample: { letters: sequence, broken } }
        }
        if (isNew || length <= everySequenceTo) next.push(sequence)
      }
    }
    frontier = next
  }
  return { sequences, states: seen.size, counterexample: undefined }
}

async function lastStep(letter: Letter, world: World): Promise<string[]> {
  const time = standingTime(world)
  await play(letter, world, 'a')
  return [...brokenNow(world), ...time(letter)]
}

/** While an agent is paused its time stands still; while any of it runs, also unseen, it goes on. */
function standingTime(world: World): (letter: Letter) => string[] {
  const read = () => {
    const { desk, usage, registry } = world.run
    const epoch = usage.usage.epoch('a')
    const agent = registry.get('a')
    const isLive = agent !== undefined && agent.endedAtMs === undefined
    const isPartial = world.runtime.stateOf(epoch?.incarnation ?? '') === 'partial'
    const held = desk.holds('a').size > 0 && !isPartial
    return { epoch, held, isLive, deeds: world.deeds.length, at: world.clock.now() }
  }
  const before = read()
  return () => {
    const after = read()
    const isSame = before.epoch?.epoch === after.epoch?.epoch && before.deeds === after.deeds
    if (!before.isLive || !after.isLive || !isSame || before.held !== after.held) return []
    if (world.runtime.stateOf(before.epoch?.incarnation ?? '') === 'gone') return []
    const passed = (after.epoch?.wallClockMs ?? 0) - (before.epoch?.wallClockMs ?? 0)
    const expected = before.held ? 0 : after.at - before.at
    return passed === expected ? [] : [`${passed} ms passed for an agent, should be ${expected}`]
  }
}

/** Plays a sequence and answers everything it breaks, with the step that broke it. */
export async function replay(letters: readonly Letter[], options?: WorldOptions): Promise<string[]> {
  const world = await createWorld(options)
  for (const letter of letters) {
    const broken = await lastStep(letter, world)
    if (broken.length > 0) return broken.map((text) => `${letter}: ${text}`)
  }
  return brokenAtRest(world)
}

/** What decides about all that can follow, as far as it can be seen from outside. */
function fingerprint(world: World): string {
  const { run } = world
  const ids = new Map<string, number>()
  const short = (id: string | undefined) => {
    if (id === undefined) return undefined
    if (!ids.has(id)) ids.set(id, ids.size)
    return ids.get(id)
  }
  const now = world.clock.now()
  const entries = world.entries()
  const lastResume = entries.findLast(({ action, status }) => action === 'resume' && status !== 'refused')
  const rows = entries
    .filter(
      (entry) =>
        entry.trigger === 'budget' ||
        entry.status === 'intended' ||
        entry.status === 'pending_approval' ||
        entry === lastResume,
    )
    .map(({ id, action, trigger, status, refusal, attempt, episode }) => [
      short(id),
      action,
      trigger,
      status,
      refusal,
      attempt,
      trigger === 'budget' ? episode : '',
    ])
  const states = world.disk.rows('exhaustion_states').map(({ state }) => {
    const { judged, epoch, eventId, asked, heard, extra } = JSON.parse(state)
    const since = judged.intervention && now - judged.intervention.since.wallMs
    const resume = heard.resume === lastResume?.id
    return [
      judged.phase,
      judged.triggeredBy,
      since,
      judged.intervention?.answer,
      epoch,
      eventId !== undefined,
      asked,
      resume,
      extra,
    ]
  })
  const agents = [...world.hosted.values()].map(({ id, incarnation, endedAtMs }) => {
    const known = run.registry.has(id)
    const { epoch, totals, wallClockMs, sinceDeliverableMs } = run.usage.usage.epoch(id) ?? {}
    const holds = [...run.desk.holds(id).keys()]
    return [
      known,
      endedAtMs !== undefined,
      world.runtime.stateOf(incarnation),
      holds,
      run.desk.isHeld(id),
      run.desk.isTerminal(id),
      run.exhaustion.phaseOf(id),
      epoch,
      totals?.filesRead,
      wallClockMs,
      sinceDeliverableMs,
    ]
  })
  const waiting = world.waiting.filter(({ outcomes, cut }) => outcomes.length === 0 && !cut).length
  const calls = run.calls.map(({ verb, begun }) => [verb, begun])
  const armed = world.clock.armed()
  return JSON.stringify([
    agents,
    calls,
    waiting,
    rows,
    states,
    world.killSwitch,
    armed,
    world.told.at(-1)?.name,
    world.disk.isSlow(),
    world.disk.waiting(),
  ])
}
