/**
 * Loaded before the daemon (`--import`): durations pass many times as fast in this process, so that what takes a
 * quarter of an hour to be believed is believed in half a minute. The wall clock stays: stamps are true.
 */
const FACTOR = Number(new URL(import.meta.url).searchParams.get('factor'))
/** Shorter ones belong to others: the deadline of a scrape is that of the Prometheus that waits. */
const LEAST_MS = 800
const monotonic = performance.now.bind(performance)
performance.now = () => monotonic() * FACTOR

for (const name of ['setTimeout', 'setInterval']) {
  const ordinary = globalThis[name]
  const hasty = (run, ms = 0, ...args) => ordinary(run, ms < LEAST_MS ? ms : ms / FACTOR, ...args)
  globalThis[name] = Object.defineProperties(hasty, Object.getOwnPropertyDescriptors(ordinary))
}
