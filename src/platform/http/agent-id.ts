import { Type } from '@fastify/type-provider-typebox'

/** Ids of agents, sandboxes, workers and producers. No slash, no leading dot: safe in paths, files and labels. */
export const AGENT_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$'

export const AgentId = Type.String({ pattern: AGENT_ID_PATTERN, description: 'Id of an agent' })

/** Path parameters of `…/{id}`. A path is decoded before it is matched, so `..%2f` arrives as `../` and fails here. */
export const AgentParams = Type.Object({ id: AgentId })

/** A time in an answer or a request: ISO 8601, UTC in answers. */
export const IsoTime = Type.String({ format: 'date-time' })

/** Stamp of an answer from milliseconds since the epoch. */
export const toIsoTime = (epochMs: number): string => new Date(epochMs).toISOString()
