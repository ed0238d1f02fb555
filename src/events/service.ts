import type { Clock } from '../platform/clock.ts'
import { counter, gauge } from '../platform/exposition/family.ts'
import type { Feature } from '../platform/feature.ts'
import type { Log } from '../platform/log.ts'
import { createEventLog } from './log.ts'
import type { EventLog } from './model.ts'
import { eventRoutes } from './routes.ts'
import { createStreams } from './stream.ts'

const openStreams = gauge('agent_exporter_event_streams', {
  help: 'Readers of GET /api/v1/events/stream at this moment.',
})
const cutStreams = counter('agent_exporter_event_streams_cut_total', {
  help: 'Readers of the event stream that were cut because they did not read.',
})

export interface Events {
  readonly feature: Feature
  readonly log: EventLog
}

/** @param instance how this daemon is called in events: the label `instance` of its own scrape, as far as known */
export function createEvents(clock: Clock, log: Log, instance: () => string): Events {
  const events = createEventLog(clock, (error) =>
    log.error('an event listener failed', { error: String(error) }),
  )
  const streams = createStreams(clock, events, instance)
  return {
    log: events,
    feature: {
      name: 'events',
      routes: eventRoutes(streams),
      collectors: [
        {
          name: 'events',
          families: [openStreams, cutStreams],
          collect(out) {
            out.set(openStreams, {}, streams.size)
            out.set(cutStreams, {}, streams.cut)
          },
        },
      ],
    },
  }
}
