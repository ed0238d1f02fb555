import { createLimiter } from '../limiter.ts'
import type { DockerClient } from './client.ts'
import type { ContainerIncident } from './container.ts'
import { type EngineEvent, readEvent } from './event.ts'
import type { DockerFailure } from './failure.ts'
import type { ContainerFleet } from './fleet.ts'
import { isLabelled, isRunning, ownLabels, readInspected, readListed } from './inspect.ts'

/** One connection to the engine, from its first answer to its first failure. */
export interface DockerSession {
  /** Event stream first, then the list: nothing can happen unseen in between. */
  open(): Promise<void>
  /** Takes the list again; `all` inspects every labelled container, `changed` only those the list shows changed. */
  relist(which: 'all' | 'changed'): Promise<void>
}

export interface DockerSessionOptions {
  readonly client: DockerClient
  readonly fleet: ContainerFleet
  readonly engine: 'local' | 'remote'
  /** The connection is of no more use. Called at most once. */
  readonly onFailure: (reason: DockerFailure) => void
}

/** Hundreds of containers must not become hundreds of calls at once on the engine. */
const INSPECTIONS_AT_ONCE = 4

/** A machine that builds images all day must not fill us with them. */
const REMEMBERED_IMAGES = 512

const INCIDENTS: readonly string[] = ['oom', 'kill', 'die']
const STARTING: readonly string[] = ['start', 'unpause']
const ENDING: readonly string[] = ['die', 'destroy']
/** Events after which an inspect says something new. */
const CHANGING: readonly string[] = ['create', 'start', 'die', 'pause', 'unpause', 'rename', 'update']

export function createDockerSession(options: DockerSessionOptions): DockerSession {
  const { client, fleet, engine, onFailure } = options
  const limit = createLimiter(INSPECTIONS_AT_ONCE)
  const imageLabels = new Map<string, Promise<Readonly<Record<string, string>>>>()
  /** Containers whose label came with their image: decided once, labels cannot change. */
  const ignored = new Set<string>()
  const pending = new Map<string, { again: boolean; done: Promise<void> }>()
  /** Containers whose inspect failed: the next list tries again. */
  const owed = new Set<string>()
  /** What events said while a list was under way; they are newer than the list. */
  let during: Map<string, boolean> | undefined

  function labelsOfImage(imageId: string): Promise<Readonly<Record<string, string>>> {
    let labels = imageLabels.get(imageId)
    if (labels === undefined) {
      if (imageLabels.size >= REMEMBERED_IMAGES) imageLabels.clear()
      labels = client.imageLabels(imageId)
      labels.catch(() => imageLabels.delete(imageId))
      imageLabels.set(imageId, labels)
    }
    return labels
  }

  async function inspect(id: string): Promise<void> {
    try {
      const found = readInspected(await client.inspect(id), engine)
      if (found === undefined) return
      const { imageId, ...container } = found
      const labels = ownLabels(found.labels, await labelsOfImage(imageId))
      owed.delete(id)
      if (isLabelled(labels)) fleet.put({ ...container, labels })
      else ignored.add(id)
    } catch (error) {
      // Not found: the container is gone, or its image is and nobody can say whose the label is.
      if ((error as DockerFailure).kind === 'not_found') fleet.remove(id)
      else owed.add(id)
    }
  }

  /** At most one inspect per container under way; a change meanwhile asks once more. */
  function refresh(id: string): Promise<void> {
    const known = pending.get(id)
    if (known !== undefined) {
      known.again = true
      return known.done
    }
    const entry = { again: true, done: Promise.resolve() }
    pending.set(id, entry)
    entry.done = limit(async () => {
      while (entry.again) {
        entry.again = false
        await inspect(id)
      }
      pending.delete(id)
    })
    return entry.done
  }

  function setRunning(id: string, isUp: boolean): void {
    if (isUp) fleet.running.add(id)
    else fleet.running.delete(id)
    during?.set(id, isUp)
  }

  function incident(event: EngineEvent): void {
    const container = fleet.containers.get(event.id)
    if (container === undefined) return
    const exit = Number(event.attributes['exitCode'])
    const signal = event.attributes['signal']
    fleet.tell({
      kind: 'incident',
      action: event.action as ContainerIncident['action'],
      container,
      at: event.at,
      exitCode: event.action === 'die' && Number.isInteger(exit) ? exit : undefined,
      signal: typeof signal === 'string' ? signal : undefined,
    })
  }

  function handle(raw: unknown): void {
    const event = readEvent(raw)
    if (event === undefined) return
    const { id, action } = event
    if (STARTING.includes(action)) setRunning(id, true)
    if (ENDING.includes(action)) setRunning(id, false)
    if (INCIDENTS.includes(action)) incident(event)
    if (action === 'destroy') {
      ignored.delete(id)
      owed.delete(id)
      fleet.remove(id)
      // An inspect under way may still bring it back: ask once more and get "not found".
      if (pending.has(id)) void refresh(id)
      return
    }
    const mayBeOurs = fleet.containers.has(id) || isLabelled(event.attributes as Record<string, string>)
    if (mayBeOurs && !ignored.has(id) && CHANGING.includes(action)) void refresh(id)
  }

  async function relist(which: 'all' | 'changed'): Promise<void> {
    during = new Map()
    try {
      const listed = (await client.list()).map(readListed).filter((entry) => entry !== undefined)
      const newer = during
      const ids = new Set(listed.map((entry) => entry.id))
      fleet.running.clear()
      for (const entry of listed) if (isRunning(entry.state)) fleet.running.add(entry.id)
      for (const [id, isUp] of newer) {
        if (isUp) fleet.running.add(id)
        else fleet.running.delete(id)
      }
      for (const id of [...fleet.containers.keys()]) {
        if (!ids.has(id) && !newer.has(id)) fleet.remove(id)
      }
      for (const set of [ignored, owed]) for (const id of set) if (!ids.has(id)) set.delete(id)
      const due = listed.filter(({ id, labels, state, name }) => {
        if (!isLabelled(labels) || ignored.has(id)) return false
        const known = fleet.containers.get(id)
        return which === 'all' || owed.has(id) || known?.state !== state || known.name !== name
      })
      await Promise.all(due.map((entry) => refresh(entry.id)))
    } finally {
      during = undefined
    }
  }

  return {
    async open() {
      await client.events({ event: handle, ended: onFailure })
      await relist('all')
    },
    relist,
  }
}
