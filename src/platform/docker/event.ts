import { object, text } from './inspect.ts'

/** One entry of `GET /events`. */
export interface EngineEvent {
  readonly action: string
  readonly id: string
  /** Wall clock of the engine in milliseconds. */
  readonly at: number
  /** Labels of container and image together, and `exitCode`, `signal`, `name`. */
  readonly attributes: Readonly<Record<string, unknown>>
}

const NANOSECONDS_PER_MILLISECOND = 1e6

/** Undefined for what is not about a container. */
export function readEvent(raw: unknown): EngineEvent | undefined {
  const json = object(raw)
  const actor = object(json['Actor'])
  const id = text(actor['ID'])
  // `exec_create: sh -c …` and `health_status: healthy` carry text behind the colon.
  const action = text(json['Action'])?.split(':', 1)[0]
  if (json['Type'] !== 'container' || id === undefined || action === undefined) return undefined
  const nanos = json['timeNano']
  return {
    action,
    id,
    at: typeof nanos === 'number' ? nanos / NANOSECONDS_PER_MILLISECOND : 0,
    attributes: object(actor['Attributes']),
  }
}
