/** One function of a profiled program. */
export interface HotFunction {
  readonly name: string
  /** Script and line; empty for what V8 does itself. */
  readonly place: string
  readonly selfSeconds: number
}

interface Node {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
}

/** A `.cpuprofile`, as far as self times need it (Chrome DevTools Protocol, Profiler.Profile). */
interface CpuProfile {
  readonly nodes: readonly Node[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
  readonly startTime: number
  readonly endTime: number
}

/** Nothing ran: the program waited, or V8 itself was between two functions. */
const NOT_RUNNING = new Set(['(root)', '(idle)', '(program)'])

/**
 * Seconds that each function ran itself, most first, over all profiles. Profiles are written by the program that is
 * watched: what does not look like one is left out.
 */
export function hottest(profiles: Iterable<unknown>, count: number): readonly HotFunction[] {
  const times = new Map<string, { name: string; place: string; micros: number }>()
  for (const profile of profiles) {
    if (!isCpuProfile(profile)) continue
    const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
    let at = profile.startTime
    for (const [i, id] of profile.samples.entries()) {
      at += profile.timeDeltas[i] ?? 0
      const frame = nodes.get(id)
      // What was seen at a sample is taken to run until the next one.
      const micros = profile.timeDeltas[i + 1] ?? profile.endTime - at
      if (frame === undefined || !(micros > 0) || isNotItsOwn(frame)) continue
      const name = frame.functionName || '(anonymous)'
      const place = frame.url === '' ? '' : `${fileOf(frame.url)}:${frame.lineNumber + 1}`
      const key = `${name}\0${frame.url}\0${frame.lineNumber}`
      const known = times.get(key)
      if (known === undefined) times.set(key, { name, place, micros })
      else known.micros += micros
    }
  }
  return [...times.values()]
    .sort((a, b) => b.micros - a.micros)
    .slice(0, count)
    .map(({ name, place, micros }) => ({ name, place, selfSeconds: micros / 1e6 }))
}

/** Waiting, and what we ourselves do in there. */
function isNotItsOwn({ functionName, url }: Node['callFrame']): boolean {
  return NOT_RUNNING.has(functionName) || /\/profiling\/preload\.c[jt]s$/.test(url)
}

function fileOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1) || url
}

function isCpuProfile(value: unknown): value is CpuProfile {
  const { nodes, samples, timeDeltas, startTime, endTime } = (value ?? {}) as Partial<CpuProfile>
  return (
    Array.isArray(nodes) &&
    Array.isArray(samples) &&
    Array.isArray(timeDeltas) &&
    typeof startTime === 'number' &&
    typeof endTime === 'number' &&
    timeDeltas.every((delta) => typeof delta === 'number') &&
    nodes.every(isNode)
  )
}

function isNode(value: unknown): value is Node {
  const { id, callFrame } = (value ?? {}) as Partial<Node>
  const { functionName, url, lineNumber } = (callFrame ?? {}) as Partial<Node['callFrame']>
  return (
    typeof id === 'number' &&
    typeof functionName === 'string' &&
    typeof url === 'string' &&
    typeof lineNumber === 'number'
  )
}
