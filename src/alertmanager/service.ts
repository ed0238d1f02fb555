import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { AgentId } from '../agents/model.ts'
import type { Control, ControlEvents } from '../control/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Collector, HealthCheck } from '../platform/feature.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import { createAsking } from './asking.ts'
import { createAlertTallies } from './collector.ts'
import { createComparing } from './comparing.ts'
import { judgeNotification } from './episodes.ts'
import { type Change, createLane } from './lane.ts'
import type { AlertmanagerApi, AlertReceiver, Received } from './model.ts'
import type { Notification } from './payload.ts'
import { recall } from './recall.ts'
import type { AlertmanagerEvents } from './record.ts'
import type { AlertEpisodeRepository } from './repository.ts'
import { review } from './review.ts'
import { mute, revive, settle } from './settle.ts'
import { type AlertTable, countActive, type Entry, type EpisodeConfig, type Surroundings } from './table.ts'
import { createTelling } from './telling.ts'
import type { AlertOutcome, AlertVerdict, Judged } from './verdict.ts'

export interface AlertRoomDependencies {
  readonly clock: Clock
  readonly moment: () => Moment
  readonly log: Log
  readonly bus: Bus<AlertmanagerEvents & ControlEvents>
  readonly repository: AlertEpisodeRepository
  readonly control: Pick<Control, 'request' | 'settled' | 'holds'>
  readonly agent: Surroundings['agent']
  readonly isOver: Surroundings['isOver']
  /** Asked at each use: the configuration may have been loaded again. */
  readonly config: () => EpisodeConfig
  /** Alertmanager itself; undefined when nobody said where it is. */
  readonly api: () => AlertmanagerApi | undefined
}

/** The room. */
export interface AlertRoom {
  readonly receiver: AlertReceiver
  readonly collector: Collector
  health(): HealthCheck
  /** Learns what an earlier run of the daemon knew and goes on with it. @throws Problem AE_STORE_UNAVAILABLE */
  start(): Promise<void>
  stop(): Promise<void>
}

const LOOK_EVERY_MS = 1_000
/** Each costs some microseconds: after so many it is the turn of whoever else waits for the loop. */
const LOOK_TOGETHER = 250

/** Hears what Alertmanager tells, keeps what is true of it now, and asks for what follows. */
export function createAlertRoom(deps: AlertRoomDependencies): AlertRoom {
  const { clock, moment, log, bus, repository, control, config } = deps
  const around: Surroundings = { agent: deps.agent, holds: control.holds, isOver: deps.isOver }
  const stopping = new AbortController()
  let timer: Timer | undefined
  let isLooking = false
  let fault: string | undefined
  /** What must not get lost because a write failed: it is tried again at the next look. */
  let unsaved: ((table: AlertTable) => AlertTable)[] = []
  let isLoaded = false

  const lane = createLane({
    async save(before, after, notes) {
      try {
        await repository.save(before, after, notes, clock.now())
        fault = undefined
      } catch (error) {
        if (fault === undefined) log.error('alerts cannot be written down', { error: String(error) })
        fault = String(error)
        throw error
      }
    },
  })
  const tallies = createAlertTallies(() => countActive(lane.table))
  const telling = createTelling({ clock, moment, bus })
  const asking = createAsking({
    ...{ clock, moment, log, control, signal: stopping.signal },
    confirm: (entry) => comparing.confirm(entry),
    isWanted({ key, episode }) {
      const known = lane.table.entries.get(key)
      return known?.episode === episode && known.state === 'firing' && !known.muted
    },
    answered: (answer) => insist((table) => settle(table, answer)),
  })

  const comparing = createComparing({
    ...{ clock, moment, log, config, around, attempt, signal: stopping.signal },
    api: deps.api,
    table: () => lane.table,
  })

  /** What follows from verdicts that are on disk. */
  function follow(verdicts: readonly AlertVerdict[]): void {
    for (const verdict of verdicts) {
      telling.said(verdict)
      if (verdict.kind === 'act' || verdict.kind === 'resume') asking.perform(verdict)
    }
  }

  function insist(change: (table: AlertTable) => AlertTable): void {
    if (!isLoaded) {
      unsaved.push(change)
      return
    }
    lane
      .change((table) => ({ table: change(table), result: undefined }))
      .catch(() => void unsaved.push(change))
  }

  /** A change that the next look would make as well: that it could not be written is no loss. */
  function attempt(change: Change<readonly AlertVerdict[]>): Promise<void> {
    return lane.change(change).then(follow, () => undefined)
  }

  async function receive(source: 'alertmanager' | 'grafana', told: Notification): Promise<Received> {
    const { judged, received } = await lane.change((before) => {
      const now = moment()
      const [heard, judged] = judgeNotification(before, told, config(), around, now)
      const keys = new Set(judged.alerts.flatMap(({ entry }) => entry?.key ?? []))
      const [table, more] = review(heard, config(), around, now, keys)
      const received = receivedOf(judged, told)
      const { receiver, groupKey } = told
      return {
        table,
        result: { judged: { ...judged, verdicts: [...judged.verdicts, ...more] }, received },
        note: { ...received, id: randomUUID(), atMs: now.wallMs, source, receiver, groupKey },
      }
    })
    tallies.notification(received.truncatedAlerts > 0 ? 'truncated' : 'accepted')
    tallies.alerts(received.outcomes)
    bus.emit('alert.received', { source, receiver: told.receiver, ...received })
    for (const one of judged.alerts) telling.heard(one)
    follow(judged.verdicts)
    return received
  }

  async function look(): Promise<void> {
    const again = unsaved
    unsaved = []
    for (const change of again) insist(change)
    const keys = [...lane.table.entries.keys()]
    for (let from = 0; from < keys.length && !stopping.signal.aborted; from += LOOK_TOGETHER) {
      if (from > 0) await setImmediate()
      const some = keys.slice(from, from + LOOK_TOGETHER)
      await attempt((before) => {
        const [table, result] = review(before, config(), around, moment(), some)
        return { table, result }
      })
    }
    await comparing.look()
  }

  // Heard from the first: the action plane tells the last resume of each life again when it starts, which is before us.
  const unsubscribe = bus.on('agent.resumed', ({ entry }) => {
    if (entry.trigger !== 'human') return
    const atMs = entry.verifiedAt ?? entry.at
    insist((table) => mute(table, entry.agent, atMs))
  })

  function tick(): void {
    timer = clock.setTimer(LOOK_EVERY_MS, () => {
      // A store or an Alertmanager that takes its time is not asked again meanwhile.
      if (!isLooking) {
        isLooking = true
        void look().finally(() => {
          isLooking = false
        })
      }
      tick()
    })
  }

  return {
    collector: tallies.collector,
    receiver: {
      receive,
      refused: tallies.notification,
      list: (agent) => entriesOf(lane.table, agent),
    },

    health: () => ({
      status: fault === undefined ? 'healthy' : 'degraded',
      ...countActive(lane.table),
      ...(fault === undefined ? {} : { fault }),
    }),

    async start() {
      lane.begin(await repository.load())
      isLoaded = true
      const early = unsaved
      unsaved = []
      await attempt((before) => {
        const known = early.reduce((table, change) => change(table), revive(before))
        const [table, result] = recall(known, config(), around, moment())
        return { table, result }
      })
      tick()
    },

    async stop() {
      timer?.cancel()
      unsubscribe()
      stopping.abort()
      // Whatever was answered until now is on disk after this.
      await attempt((table) => ({ table, result: [] }))
    },
  }
}

function receivedOf({ alerts, rejected }: Judged, { truncatedAlerts }: Notification): Received {
  const outcomes: Partial<Record<AlertOutcome, number>> = {}
  const count = (outcome: AlertOutcome) => {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
  for (const { outcome } of alerts) count(outcome)
  for (const _ of rejected) count('rejected')
  return { alerts: alerts.length + rejected.length, truncatedAlerts, outcomes }
}

/** Open ones first, then those that changed last. */
function entriesOf({ entries }: AlertTable, agent: AgentId | undefined): readonly Entry[] {
  const rank = ({ state }: Entry) => (state === 'closed' ? 1 : 0)
  return [...entries.values()]
    .filter((entry) => agent === undefined || entry.agent === agent)
    .sort((a, b) => rank(a) - rank(b) || b.since.wallMs - a.since.wallMs)
}
