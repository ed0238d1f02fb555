import {
  AGENT_LABEL,
  type ContainerInfo,
  type ContainerNow,
  type ContainerState,
  SANDBOX_LABEL,
} from './container.ts'

/** The part of `GET /containers/json` we look at. Engines leave out what they do not have. */
export interface ListedContainer {
  readonly id: string
  readonly name: string
  readonly state: ContainerState
  /** Labels of the container and its image together. */
  readonly labels: Readonly<Record<string, string>>
}

/** The part of `GET /containers/{id}/json` we look at, before the image's labels are taken off. */
export interface InspectedContainer extends ContainerInfo {
  readonly imageId: string
}

type Json = Readonly<Record<string, unknown>>

const STATES: readonly string[] = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']
/** Go's zero time: it never happened. */
const NEVER = '0001-01-01T00:00:00Z'
const NANO_CPUS_PER_CORE = 1e9
/** Kernel default of the CFS period in microseconds, which the engine writes as 0. */
const DEFAULT_CPU_PERIOD = 100_000

export function readListed(raw: unknown): ListedContainer | undefined {
  const json = object(raw)
  const id = text(json['Id'])
  if (id === undefined) return undefined
  const names = Array.isArray(json['Names']) ? json['Names'] : []
  return {
    id,
    name: plainName(text(names[0])) ?? id.slice(0, 12),
    state: stateOf(json['State']),
    labels: labelsOf(json['Labels']),
  }
}

/** `isLocal` false: the engine's pids are those of another machine. */
export function readInspected(raw: unknown, engine: 'local' | 'remote'): InspectedContainer | undefined {
  const json = object(raw)
  const id = text(json['Id'])
  if (id === undefined) return undefined
  const state = object(json['State'])
  const config = object(json['Config'])
  const host = object(json['HostConfig'])
  const status = stateOf(state['Status'])
  const ended = status === 'exited' || status === 'dead'
  const finishedAt = text(state['FinishedAt'])
  return {
    id,
    name: plainName(text(json['Name'])) ?? id.slice(0, 12),
    image: text(config['Image']) ?? text(json['Image']) ?? '',
    imageId: text(json['Image']) ?? '',
    state: status,
    startedAt: text(state['StartedAt']) ?? NEVER,
    finishedAt: ended && finishedAt !== NEVER ? finishedAt : undefined,
    exitCode: ended ? count(state['ExitCode']) : undefined,
    oomKilled: state['OOMKilled'] === true,
    restarts: count(json['RestartCount']) ?? 0,
    pid: engine === 'local' ? positive(state['Pid']) : undefined,
    labels: labelsOf(config['Labels']),
    memoryLimitBytes: positive(host['Memory']),
    cpuLimitCores: cpuLimit(host),
    pidsLimit: positive(host['PidsLimit']),
  }
}

/** The same for acting; stricter, because nothing may be concluded from an answer that is not one. */
export function readNow(
  raw: unknown,
  engine: 'local' | 'remote',
): (Omit<ContainerNow, 'ownLabels'> & { readonly imageId: string }) | undefined {
  const { Status: status, StartedAt: startedAt } = object(object(raw)['State'])
  const found = readInspected(raw, engine)
  if (found === undefined || found.state !== status || text(startedAt) === undefined) return undefined
  const { labels, ...container } = found
  const host = object(object(raw)['HostConfig'])
  const quota = positive(host['CpuQuota'])
  const period = positive(host['CpuPeriod'])
  return {
    ...container,
    allLabels: labels,
    memorySwapLimitBytes: positive(host['MemorySwap']),
    cpuPeriodUs: quota === undefined ? period : (period ?? DEFAULT_CPU_PERIOD),
  }
}

/** The labels a person or program put on this container: those the image brought along prove nothing. */
export function ownLabels(
  labels: Readonly<Record<string, string>>,
  image: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([name, value]) => image[name] !== value))
}

export function isLabelled(labels: Readonly<Record<string, string>>): boolean {
  return labels[AGENT_LABEL] !== undefined || labels[SANDBOX_LABEL] !== undefined
}

export function isRunning(state: ContainerState): boolean {
  return state === 'running' || state === 'paused'
}

function cpuLimit(host: Json): number | undefined {
  const nano = positive(host['NanoCpus'])
  if (nano !== undefined) return nano / NANO_CPUS_PER_CORE
  const quota = positive(host['CpuQuota'])
  return quota === undefined ? undefined : quota / (positive(host['CpuPeriod']) ?? DEFAULT_CPU_PERIOD)
}

function stateOf(value: unknown): ContainerState {
  return typeof value === 'string' && STATES.includes(value) ? (value as ContainerState) : 'created'
}

function labelsOf(value: unknown): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null)
  for (const [name, label] of Object.entries(object(value)))
    if (typeof label === 'string') labels[name] = label
  return labels
}

function plainName(name: string | undefined): string | undefined {
  return name?.replace(/^\//, '')
}

/** Any JSON value as an object; what is none has no members. */
export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** 0 and −1 are the engine's words for "none". */
function positive(value: unknown): number | undefined {
  const number = count(value)
  return number === 0 ? undefined : number
}
