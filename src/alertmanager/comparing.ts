import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import type { Confirmation } from './asking.ts'
import { judgeNotification } from './episodes.ts'
import type { Change } from './lane.ts'
import type { ActiveAlert, AlertmanagerApi } from './model.ts'
import { doubt, heartbeats, isAmong, missingIn } from './reconcile.ts'
import type { AlertTable, Entry, EpisodeConfig, Surroundings } from './table.ts'
import type { AlertVerdict } from './verdict.ts'

export interface ComparingOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly moment: () => Moment
  readonly log: Log
  /** Alertmanager itself; undefined when nobody said where it is. */
  readonly api: () => AlertmanagerApi | undefined
  readonly config: () => EpisodeConfig
  readonly around: Surroundings
  readonly table: () => AlertTable
  readonly attempt: (change: Change<readonly AlertVerdict[]>) => Promise<void>
  readonly signal: AbortSignal
}

/** Compares what was told with what Alertmanager itself knows, as often as it repeats what it tells. */
export interface Comparing {
  /** To be called at each look; asks when a repeat has passed. */
  look(): Promise<void>
  confirm(entry: Entry): Promise<Confirmation>
}

export function createComparing(options: ComparingOptions): Comparing {
  const { clock, moment, log, config, around, signal } = options
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let missing: ReadonlySet<string> = new Set()

  /** An Alertmanager that cannot be asked says nothing, neither that an alert fires nor that it does not. */
  async function listOf(api: AlertmanagerApi): Promise<readonly ActiveAlert[] | undefined> {
    try {
      return await api.active(signal)
    } catch (error) {
      if (!signal.aborted) log.warn('Alertmanager could not be asked', { error: String(error) })
      return undefined
    }
  }

  return {
    async look() {
      const api = options.api()
      if (api === undefined || clock.monotonic() - lookedAtMs < config().repeatIntervalMs) return
      lookedAtMs = clock.monotonic()
      const active = await listOf(api)
      if (active === undefined) {
        missing = new Set()
        return
      }
      await options.attempt((before) => {
        const now = moment()
        const alerts = heartbeats(active, before, config())
        const [heard, judged] = judgeNotification(before, { alerts, rejected: [] }, config(), around, now)
        const missingNow = missingIn(active, heard, config(), now)
        const twice = new Set([...missingNow].filter((key) => missing.has(key)))
        missing = missingNow
        const [table, doubts] = doubt(heard, twice, now)
        return { table, result: [...judged.verdicts, ...doubts] }
      })
    },

    async confirm(entry) {
      const api = options.api()
      if (api === undefined) return 'not_configured'
      const active = await listOf(api)
      if (active === undefined) return 'unreachable'
      return isAmong(entry, active, options.table(), config()) ? 'fires' : 'silent'
    },
  }
}
