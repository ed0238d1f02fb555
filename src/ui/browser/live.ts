import { morph } from './morph.ts'
import { byId } from './page.ts'

/** What is exchanged; the rest of a page is a person's. */
const PARTS = ['state', 'page'] as const
const EVERY_MS = 5_000
/** Numbers that are older than this are said to be old. */
const STALE_MS = 12_000
const PATIENCE_MS = 10_000
/** Several events come with one happening. */
const SOON_MS = 150

export interface Live {
  /** Now, or as soon as the look under way is done. Settles when the page is as the server says. */
  refresh(): Promise<void>
}

/**
 * Keeps the page as the server renders it: at every event, and every few seconds for numbers that change without one.
 * @param prepare told of every new version before it is shown
 */
export function keepLive(prepare: (fresh: Document) => void): Live {
  const word = byId('live-word', HTMLElement)
  const asOf = byId('as-of', HTMLTimeElement)
  let seenAt = performance.now()
  let events: EventSource | undefined
  let soon: number | undefined
  let looking: Promise<void> | undefined
  let again = false
  /** What the server says instead of the page: its agent was forgotten. */
  let gone: string | undefined

  async function look(): Promise<void> {
    const answer = await fetch(location.href, {
      headers: { accept: 'text/html' },
      cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    if (!answer.ok && answer.status !== 404) throw new Error(`answered ${answer.status}`)
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
    // What is shown is the last that was known.
    gone = answer.status === 404 ? (fresh.querySelector('main p')?.textContent ?? 'It is gone.') : undefined
    if (gone !== undefined) return
    prepare(fresh)
    for (const part of PARTS) {
      const next = fresh.getElementById(part)
      if (next !== null) morph(byId(part, HTMLElement), next)
    }
    const time = fresh.getElementById('as-of')
    if (time !== null) morph(asOf, time)
    seenAt = performance.now()
  }

  function refresh(): Promise<void> {
    if (looking !== undefined) {
      again = true
      return looking
    }
    looking = (async () => {
      try {
        do {
          again = false
          await look()
        } while (again)
        tell()
      } catch {
        tell()
      } finally {
        looking = undefined
      }
    })()
    return looking
  }

  /** Never says live of numbers that are not. */
  function tell(): void {
    const isStale = gone !== undefined || performance.now() - seenAt > STALE_MS
    const isOpen = events?.readyState === EventSource.OPEN
    const says = isStale
      ? `Not live${gone === undefined ? '' : `: ${gone}`}`
      : isOpen
        ? 'Live'
        : 'Refreshed every few seconds'
    if (word.textContent !== says) word.textContent = says
    document.body.classList.toggle('stale', isStale)
  }

  function follow(): void {
    events?.close()
    // A browser opens few connections to one server: a page that nobody sees keeps none.
    if (document.hidden) return
    events = new EventSource('/api/v1/events/stream')
    events.onopen = tell
    events.onerror = tell
    for (const type of TYPES) {
      events.addEventListener(type, () => {
        window.clearTimeout(soon)
        soon = window.setTimeout(() => void refresh(), SOON_MS)
      })
    }
  }

  document.addEventListener('visibilitychange', () => {
    follow()
    if (!document.hidden) void refresh()
  })
  window.setInterval(() => {
    if (!document.hidden) void refresh()
    tell()
  }, EVERY_MS)
  follow()
  return { refresh }
}

/** Events are named, and a reader is told only of names that it asks for. */
const TYPES = [
  'agent.discovered',
  'agent.registered',
  'agent.started',
  'agent.exited',
  'agent.paused',
  'agent.resumed',
  'agent.terminated',
  'agent.deliverable_recorded',
  'agent.phase_changed',
  'agent.crashed',
  'agent.memory_level_changed',
  'agent.memory_trend_changed',
  'agent.oom_predicted',
  'agent.memory_pause_overdue',
  'action.intended',
  'action.refused',
  'action.done',
  'action.failed',
  'alert.episode_changed',
]
