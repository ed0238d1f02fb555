/** A request before it is sent. */
export interface EngineRequest {
  readonly method: string | undefined
  /** Path and query. */
  readonly target: string | undefined
  /** Names of the fields of the JSON body; none without a body. */
  readonly body?: readonly string[]
}

interface Entry {
  readonly method: 'GET' | 'POST'
  readonly path: RegExp
  /** What may stand behind the `?`. Reading is not narrowed; a POST without one has no query at all. */
  readonly query?: RegExp
  /** Fields of the body; a POST without them has no body. */
  readonly body?: readonly string[]
}

const CONTAINER = '[A-Za-z0-9][A-Za-z0-9_.-]*'
const IMAGE = '[A-Za-z0-9][A-Za-z0-9_.:@/-]*'
/** Acting takes the whole id: a name or a short id may belong to another container tomorrow. */
const WHOLE_ID = '[0-9a-f]{64}'

/**
 * Nothing that creates, removes or looks inside a container: no create, exec, archive, logs, attach. `update` takes
 * limits only; the engine would change restart policy and devices by the same call.
 */
const ALLOWED: readonly Entry[] = [
  { method: 'GET', path: /^\/version$/ },
  { method: 'GET', path: /^\/events$/ },
  { method: 'GET', path: /^\/containers\/json$/ },
  { method: 'GET', path: new RegExp(`^/containers/${CONTAINER}/(json|stats)$`) },
  { method: 'GET', path: new RegExp(`^/images/${IMAGE}/json$`) },
  { method: 'POST', path: new RegExp(`^/containers/${WHOLE_ID}/(start|pause|unpause)$`) },
  { method: 'POST', path: new RegExp(`^/containers/${WHOLE_ID}/stop$`), query: /^t=[0-9]{1,5}$/ },
  { method: 'POST', path: new RegExp(`^/containers/${WHOLE_ID}/kill$`), query: /^signal=SIG(TERM|KILL)$/ },
  {
    method: 'POST',
    path: new RegExp(`^/containers/${WHOLE_ID}/update$`),
    body: ['Memory', 'MemorySwap', 'NanoCpus', 'CpuQuota', 'CpuPeriod'],
  },
]

/** Whether a request is on the list. A path that climbs or carries an encoded byte is on none. */
export function isAllowed({ method, target = '', body = [] }: EngineRequest): boolean {
  const at = target.indexOf('?')
  const path = at < 0 ? target : target.slice(0, at)
  const query = at < 0 ? '' : target.slice(at + 1)
  if (path.includes('..') || path.includes('%')) return false
  const entry = ALLOWED.find((one) => one.method === method && one.path.test(path))
  if (entry === undefined) return false
  if (entry.method === 'GET') return body.length === 0
  const queryIsFine = entry.query === undefined ? query === '' : entry.query.test(query)
  return queryIsFine && body.every((field) => entry.body?.includes(field) === true)
}
