import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type ActionRoutesOptions, actionRoutes } from './action-routes.ts'
import { type AgentRoutesOptions, agentControlRoutes } from './agent-routes.ts'
import { type ControlRoutesOptions, controlStateRoutes } from './control-routes.ts'
import { type JournalRoutesOptions, journalRoutes } from './journal-routes.ts'
import { rehearsalRoutes } from './rehearsal-routes.ts'

export type ControlRoomRoutesOptions = ActionRoutesOptions &
  AgentRoutesOptions &
  ControlRoutesOptions &
  JournalRoutesOptions

/** Every address of the room. */
export function controlRoutes(options: ControlRoomRoutesOptions): FastifyPluginAsyncTypebox {
  const parts = [
    agentControlRoutes(options),
    actionRoutes(options),
    rehearsalRoutes(options),
    journalRoutes(options),
    controlStateRoutes(options),
  ]
  return async (app) => {
    for (const part of parts) await app.register(part)
  }
}
