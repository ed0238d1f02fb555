import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import '../platform/http/scope.ts'
import { Type } from 'typebox'
import { Problem } from '../platform/problem.ts'
import { answerControl, answerKillSwitch } from './answer.ts'
import type { ControlDesk, KillSwitch } from './model.ts'
import { Nothing, Reason } from './request-schema.ts'

export interface ControlRoutesOptions {
  readonly desk: ControlDesk
  readonly killSwitch: KillSwitch
}

const KillSwitchBody = Type.Object(
  { engaged: Type.Boolean(), reason: Type.Optional(Reason) },
  { additionalProperties: false },
)

/** `GET /api/v1/control`, `PUT /api/v1/control/kill-switch`, `POST /api/v1/control/reset`. */
export function controlStateRoutes({ desk, killSwitch }: ControlRoutesOptions): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/api/v1/control',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: { summary: 'Kill switch, failure stops and holds', tags: ['control'] },
      },
      async ({ caller }) => answerControl(desk.state(), (agent) => caller.mayTouch(agent)),
    )

    // The next two concern every agent: a token that is limited to some has no say in them.
    app.put(
      '/api/v1/control/kill-switch',
      {
        config: { scope: 'control' },
        schema: {
          summary: 'Engage or release the kill switch',
          description: 'While it is engaged nothing is done to any agent except resuming it.',
          tags: ['control'],
          body: KillSwitchBody,
        },
      },
      async ({ body, caller }) => {
        try {
          if (body.engaged) killSwitch.engage(caller.name, body.reason)
          else killSwitch.release(caller.name)
        } catch (error) {
          throw new Problem('AE_DATA_DIR', (error as Error).message)
        }
        return answerKillSwitch(killSwitch.describe())
      },
    )

    app.post(
      '/api/v1/control/reset',
      {
        config: { scope: 'control' },
        schema: {
          summary: 'Clear failure stops and confirm acting after a damaged journal',
          tags: ['control'],
          body: Nothing,
        },
      },
      async ({ caller }) => {
        desk.reset(caller.name)
        return answerControl(desk.state(), (agent) => caller.mayTouch(agent))
      },
    )
  }
}
