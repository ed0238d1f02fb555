import { judgeGate } from '../../../src/control/gate.ts'
import { type ActionEntry, isSettled } from '../../../src/control/model.ts'
import { PHASES } from '../../../src/exhaustion/model.ts'
import type { Ledger } from '../../../src/usage/ledger.ts'
import type { Verb } from './held-runtime.ts'
import type { World } from './world.ts'

/** Every agent is judged again within this time. */
const BACKSTOP_MS = 60_000

const isStopped = (state: string): boolean => state === 'paused' || state === 'partial'

/** What must be true at every moment at which nothing runs by itself. Empty: all of it is. */
export function brokenNow(world: World): string[] {
  const broken: string[] = [...world.faults]
  const say = (text: string) => void broken.push(text)
  const entries = world.disk.isSlow() ? undefined : world.entries()
  const { desk, exhaustion, usage, registry } = world.run

  for (const { id, incarnation, endedAtMs } of registry.values()) {
    if (endedAtMs !== undefined) continue
    const state = world.runtime.stateOf(incarnation)
    const [isHeld, isTerminal] = [desk.isHeld(id), desk.isTerminal(id)]
    if (isStopped(state)) {
      if (!isHeld && !isTerminal) say(`${id} is ${state} and nothing says why`)
      const gate = judgeGate({
        ...{ held: isHeld, holds: desk.holds(id), terminal: isTerminal, ended: false },
        phase: exhaustion.phaseOf(id) ?? 'normal',
        ...{ enforced: true, mode: 'enforce', killSwitch: world.killSwitch ? 'engaged' : 'released' },
      })
      if (gate.allowed) say(`${id} is ${state} and its gate is open`)
      const reasons = entries?.filter(
        (entry) => entry.incarnation === incarnation && !['refused', 'dry_run'].includes(entry.status),
      )
      if (reasons?.length === 0) say(`${id} is ${state} without an entry`)
    }
    const last = world.events.findLast((event) => event.incarnation === incarnation)
    const phase = exhaustion.phaseOf(id)
    if (phase !== (last?.phase ?? 'normal')) say(`${id} is in ${phase}, told was ${last?.phase}`)
    const epoch = usage.usage.epoch(id)
    if (epoch !== undefined && entries !== undefined) {
      const resumes = of(entries, incarnation, 'resume').filter(({ status }) => status !== 'refused')
      if (epoch.epoch > 1 + resumes.length) say(`${id}: epoch ${epoch.epoch}, ${resumes.length} resumes`)
    }
  }

  for (const incarnation of new Set([...world.deeds, ...world.events].map((one) => one.incarnation))) {
    excursions(world, incarnation, say)
    const deeds = world.deeds.filter((deed) => deed.incarnation === incarnation)
    const end = deeds.findIndex(({ verb }) => verb === 'terminate')
    if (end !== -1 && end < deeds.length - 1) say(`${deeds[end + 1]?.verb} after the end`)
    if (entries !== undefined) {
      for (const verb of ['pause', 'resume', 'terminate'] as const)
        counted(world, entries, incarnation, verb, say)
      const over = of(entries, incarnation, 'terminate').find(({ status }) => status === 'done')
      const living = [...registry.values()].find((agent) => agent.incarnation === incarnation)
      if (over !== undefined && living !== undefined) {
        if (!desk.isTerminal(living.id)) say(`${living.id}: a verified end was forgotten`)
        if (exhaustion.phaseOf(living.id) !== 'termination') say(`${living.id}: ended, and another phase`)
      }
    }
  }
  for (const { verb, killSwitch } of world.deeds) {
    if (killSwitch && verb !== 'resume') say(`${verb} under the kill switch`)
  }
  for (const { outcomes, heldThen, abort } of world.waiting) {
    if (outcomes.length > 1) say(`a waiter was answered twice: ${outcomes}`)
    const [outcome] = outcomes
    if ((outcome === 'resumed' || outcome === 'not_paused') && heldThen === true) say(`${outcome}, but held`)
    if (outcome === 'timeout' && !abort.signal.aborted && world.restarts === 0) say('timeout without one')
  }
  for (const [incarnation, files] of world.acknowledged) {
    const row = world.disk.rows('usage_ledgers').find((one) => one.incarnation === incarnation)
    const kept = row === undefined ? 0 : (JSON.parse(row.state) as Ledger).lifetime.files.read
    if (kept < files) say(`${files} files were acknowledged, ${kept} are kept`)
    if (kept > (world.sent.get(incarnation) ?? 0)) say(`${kept} files are kept, fewer were told`)
  }
  for (const { holds, incarnation } of world.disk.rows('control_holds')) {
    for (const { actionId, cause } of JSON.parse(holds) as { actionId: string; cause: string }[]) {
      const entry = entries?.find(({ id }) => id === actionId)
      if (entries !== undefined && (entry?.hold !== cause || entry.incarnation !== incarnation))
        say(`the hold ${cause} names no entry`)
    }
  }
  return broken
}

function of(entries: readonly ActionEntry[], incarnation: string, action: string): ActionEntry[] {
  return entries.filter((entry) => entry.incarnation === incarnation && entry.action === action)
}

/** Every change begins where the last one ended; nothing leaves the end. */
function excursions(world: World, incarnation: string, say: (text: string) => void): void {
  let phase = 'normal'
  let epoch = 0
  for (const event of world.events) {
    if (event.incarnation !== incarnation) continue
    if (event.previousPhase !== phase) say(`${event.previousPhase} → ${event.phase} was told in ${phase}`)
    if (phase === 'termination') say(`${event.phase} was told after the end`)
    if (event.epoch < epoch) say(`epoch ${event.epoch} after ${epoch}`)
    if (event.actionTaken === 'allowed' && event.phase === event.previousPhase) say('a change that is none')
    if (event.actionTaken === 'warned' && rank(event.phase) <= rank(phase)) say('a warning that lowers')
    phase = event.phase
    epoch = event.epoch
  }
}

const rank = (phase: string): number => PHASES.indexOf(phase as (typeof PHASES)[number])

/** As many effects as the journal claims; a row that was taken up again, or is under way, may have had one. */
function counted(
  world: World,
  entries: readonly ActionEntry[],
  incarnation: string,
  verb: Verb,
  say: (text: string) => void,
): void {
  const effects = world.deeds.filter((deed) => deed.verb === verb && deed.incarnation === incarnation).length
  const rows = of(entries, incarnation, verb)
  const sure = rows.filter(
    ({ status, attempt, rung, detail }) =>
      status === 'done' &&
      attempt === 1 &&
      rung !== undefined &&
      (verb !== 'terminate' || detail === undefined),
  ).length
  const possible = rows.filter(
    ({ status, attempt }) =>
      ['done', 'partial', 'intended', 'failed'].includes(status) || (status === 'noop' && attempt > 1),
  ).length
  if (effects > possible) say(`${effects} times ${verb}, ${possible} entries`)
  if (effects < sure && verb !== 'terminate') say(`${sure} entries say ${verb}, done was ${effects} times`)
}

/** Lets everything come to rest, and says what must be true then. */
export async function brokenAtRest(world: World): Promise<string[]> {
  await rest(world, 'passes')
  const broken = brokenNow(world)
  const say = (text: string) => void broken.push(text)
  const { desk, registry } = world.run
  let held = 0
  for (const { id, incarnation, endedAtMs } of registry.values()) {
    if (endedAtMs !== undefined) continue
    const state = world.runtime.stateOf(incarnation)
    const holds = [...desk.holds(id).keys()]
    if (holds.length > 0) held++
    const isWrong = isStopped(state) ? holds.length === 0 : holds.length > 0
    if (isWrong && !goesOnForNow(world, incarnation)) say(`${id} is ${state}, held by [${holds}]`)
    const row = world.disk.rows('control_holds').find((one) => one.incarnation === incarnation)
    const kept = (JSON.parse(row?.holds ?? '[]') as { cause: string }[]).map(({ cause }) => cause)
    if (kept.toSorted().join() !== holds.toSorted().join()) say(`kept [${kept}], held by [${holds}]`)
  }
  const entries = world.entries()
  for (const { status, action } of entries) if (status === 'intended') say(`${action} never ended`)
  const pending = entries.filter((entry) => !isSettled(entry)).length
  if (world.unanswered() > pending) say(`${world.unanswered()} requests were never answered`)
  if ((await gauge(world)) !== held) say(`the gauge says ${await gauge(world)}, held are ${held}`)
  for (const { agent, outcomes, cut } of world.waiting) {
    if (outcomes.length === 0 && !cut && !desk.isHeld(agent)) say(`a waiter waits for ${agent}, who is free`)
  }
  for (const { abort } of world.waiting) abort.abort()
  await world.quiet()
  for (const { outcomes, cut } of world.waiting) {
    if (outcomes.length !== 1 && !cut) say(`a waiter has ${outcomes.length} outcomes`)
  }
  const before = standing(world)
  await world.crash()
  await rest(world, 'stands')
  const after = standing(world)
  if (after !== before) say(`a restart changed ${before} to ${after}`)
  return [...broken, ...brokenNow(world)]
}

/**
 * A resume that was given up has continued it although it was held anew meanwhile, and it was not stopped again for the
 * kill switch alone: the journal says so.
 */
function goesOnForNow(world: World, incarnation: string): boolean {
  return (
    world.killSwitch &&
    world.runtime.stateOf(incarnation) === 'running' &&
    of(world.entries(), incarnation, 'pause').some(
      ({ actor, episode, refusal }) =>
        actor === 'journal' && episode?.startsWith('late:') && refusal === 'kill_switch',
    )
  )
}

async function rest(world: World, time: 'passes' | 'stands'): Promise<void> {
  world.disk.setPace('fast')
  world.hurry()
  await world.quiet()
  await endCalls(world)
  if (time === 'stands') return
  // Whatever is owed is asked for again by then.
  await world.pass(BACKSTOP_MS)
  await endCalls(world)
}

/** Effects end, and those that wait for them. */
async function endCalls(world: World): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const [call] = world.run.calls
    await call?.end()
    await world.quiet()
    world.look()
    await world.quiet()
    if (call === undefined) return
  }
  throw new Error('it does not come to rest')
}

/** What a restart of the daemon must leave as it is. */
function standing(world: World): string {
  const { desk, usage, exhaustion, registry } = world.run
  const agents = [...registry.values()]
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .filter(({ endedAtMs }) => endedAtMs === undefined)
    .map(({ id, incarnation }) => {
      const { epoch, totals, wallClockMs, sinceDeliverableMs } = usage.usage.epoch(id) ?? {}
      const holds = [...desk.holds(id).keys()].toSorted()
      return {
        id,
        state: world.runtime.stateOf(incarnation),
        holds,
        phase: exhaustion.phaseOf(id),
        epoch,
        totals,
        wallClockMs,
        sinceDeliverableMs,
      }
    })
  return JSON.stringify({ agents, deeds: world.deeds.length, events: world.events.length })
}

async function gauge(world: World): Promise<number | undefined> {
  let value: number | undefined
  for (const collector of world.run.collectors) {
    await collector.collect({
      set(family, _labels, given) {
        if (family.name === 'agents_paused_current') value = given
      },
      put() {},
      histogram() {},
    })
  }
  return value
}
