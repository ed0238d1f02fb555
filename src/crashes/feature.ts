import type { Feature } from '../platform/feature.ts'
import { type CrashRoutesOptions, crashRoutes } from './routes.ts'

/**
 * The room as `app.ts` lists it: before the room of the agents, whose ends it must hear from the first, and after the
 * engine and the journal, which it asks.
 */
export function createCrashFeature(options: CrashRoutesOptions): Feature {
  const { collector, describe, health, start, stop } = options.crashes
  return {
    name: 'crashes',
    collectors: [collector],
    describe,
    health,
    routes: crashRoutes(options),
    start,
    stop,
  }
}
