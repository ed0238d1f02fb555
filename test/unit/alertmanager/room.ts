import type { AlertmanagerApi } from '../../../src/alertmanager/model.ts'
import type { NotifiedAlert } from '../../../src/alertmanager/payload.ts'
import type { Rule } from '../../../src/alertmanager/policy.ts'
import type { AlertmanagerEvents } from '../../../src/alertmanager/record.ts'
import type { AlertEpisodeRepository, NotificationNote } from '../../../src/alertmanager/repository.ts'
import { type AlertRoom, createAlertRoom } from '../../../src/alertmanager/service.ts'
import { episodeConfigOf } from '../../../src/alertmanager/settings.ts'
import { type AlertTable, EMPTY_TABLE, type Entry } from '../../../src/alertmanager/table.ts'
import type { ActionEntry, ControlEvents } from '../../../src/control/model.ts'
import type { Bus } from '../../../src/platform/bus.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { Problem } from '../../../src/platform/problem.ts'
import {
  addAgent,
  createTestRoom,
  type FakeAgent,
  type FakeHost,
  fakeHost,
  type TestRoom,
} from '../../support/control-room.ts'
import { HOUR, START } from './shapes.ts'

/** A disk that outlives the room, and that somebody can pull out. */
export interface FakeDisk extends AlertEpisodeRepository {
  table: AlertTable
  readonly notes: NotificationNote[]
  broken: boolean
}

export function fakeDisk(): FakeDisk {
  const disk: FakeDisk = {
    table: EMPTY_TABLE,
    notes: [],
    broken: false,
    load: async () => copied(disk.table),
    async save(_before, after, notes) {
      await turn()
      if (disk.broken) throw new Problem('AE_STORE_UNAVAILABLE', 'The disk is gone.')
      disk.table = after
      disk.notes.push(...notes)
    },
  }
  return disk
}

/** As it comes back from a database. */
function copied({ entries, nextEpisode, instances }: AlertTable): AlertTable {
  const copy = JSON.parse(JSON.stringify([[...entries], [...instances]])) as [[], []]
  return { entries: new Map(copy[0]), nextEpisode, instances: new Map(copy[1]) }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

export interface AlertHouse {
  readonly host: FakeHost
  readonly control: TestRoom
  readonly room: AlertRoom
  readonly disk: FakeDisk
  readonly agent: FakeAgent
  readonly told: { readonly name: string; readonly event: object }[]
  /** Writable: what is true around it. */
  rules: readonly Rule[]
  isOver: boolean | undefined
  api: AlertmanagerApi | undefined
  tell(...alerts: NotifiedAlert[]): Promise<Readonly<Record<string, number>>>
  /** Time passes, and everything that follows from it. */
  wait(ms: number): Promise<void>
  entry(): Entry
  /** What the action plane told of its entries, in order. */
  journal(type: 'intended' | 'done' | 'refused'): readonly ActionEntry[]
  /** The daemon ends and another one begins with the same disks. */
  again(): Promise<AlertHouse>
}

export interface HouseOptions {
  readonly rules: readonly Rule[]
  readonly host?: FakeHost
  readonly disk?: FakeDisk
  /** The action plane of the run before: its journal is that of the host. */
  readonly control?: TestRoom
}

/** The receiver over a real action plane and a pretended host, on which an agent has lived for an hour. */
export async function alertHouse(options: HouseOptions): Promise<AlertHouse> {
  const host = options.host ?? freshHost()
  const agent = host.agents.get('a') ?? addAgent(host, 'a', { startedAtMs: START - HOUR })
  const control = options.control ?? createTestRoom(host)
  if (options.control === undefined) await control.start()
  const disk = options.disk ?? fakeDisk()
  const told: AlertHouse['told'] = []
  const bus = control.bus as unknown as Bus<AlertmanagerEvents & ControlEvents>
  for (const name of EVENTS) bus.on(name, (event) => told.push({ name, event }))
  const { clock } = host
  const room = createAlertRoom({
    ...{ clock, bus, log: silentLog, repository: disk, control: control.desk },
    moment: () => ({ bootId: 'boot', bootMs: clock.sinceBoot(), wallMs: clock.now() }),
    agent: (id) => host.agents.get(id),
    isOver: () => house.isOver,
    config: () => episodeConfigOf({ instances: [], repeatInterval: 300_000, rules: house.rules }),
    api: () => house.api,
  })
  const settle = async () => {
    for (let i = 0; i < 20; i++) await turn()
  }
  const house: AlertHouse = {
    ...{ host, control, room, disk, agent, told },
    rules: options.rules,
    isOver: true,
    api: undefined,
    async tell(...alerts) {
      const received = room.receiver.receive('alertmanager', {
        ...{ receiver: 'r', groupKey: '{}', externalUrl: '' },
        ...{ alerts, rejected: [], truncatedAlerts: 0 },
      })
      const { outcomes } = await received
      await settle()
      return outcomes
    },
    async wait(ms) {
      for (let left = ms; left > 0; left -= 1_000) {
        clock.advance(Math.min(left, 1_000))
        await turn()
      }
      await settle()
    },
    entry: () => room.receiver.list()[0]!,
    journal: (type) =>
      control.events.filter(({ name }) => name === `action.${type}`).map(({ entry }) => entry),
    async again() {
      await room.stop()
      return await alertHouse({ rules: house.rules, host, disk, control })
    },
  }
  await room.start()
  await settle()
  return house
}

const EVENTS = [
  'alert.received',
  'alert.deduplicated',
  'alert.refused',
  'alert.notified',
  'alert.episode_changed',
  'alert.resume_withheld',
  'alert.pause_overdue',
] as const

function freshHost(): FakeHost {
  const host = fakeHost({ cooldown: 0, maxFleetShare: 1 })
  host.clock.jumpWall(START - host.clock.now())
  return host
}
