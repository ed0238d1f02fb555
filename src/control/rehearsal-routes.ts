import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import '../platform/http/scope.ts'
import { cleanText } from '../platform/text.ts'
import { type ActionRoutesOptions, liveAgent } from './action-routes.ts'
import type { Judgement } from './model.ts'
import { AgentParams, Rehearsal } from './request-schema.ts'

/**
 * `POST /api/v1/agents/{id}/rehearse`: what the guard would say to a person now. A dry run is a decision and has its
 * line in the journal; whoever only asks leaves none. The tree is looked at, so not everybody may ask.
 */
export function rehearsalRoutes({
  desk,
  agent: agentOf,
}: Pick<ActionRoutesOptions, 'desk' | 'agent'>): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/api/v1/agents/:id/rehearse',
      {
        config: { scope: 'control', subject: { param: 'id' } },
        schema: {
          summary: 'What would come of an action now?',
          description:
            'Nothing is done, and nothing is written to the journal. It may be otherwise a moment later.',
          tags: ['control'],
          params: AgentParams,
          body: Rehearsal,
        },
      },
      async ({ params, body: { action, enforce }, caller }) => {
        const { id, incarnation } = liveAgent(agentOf, params.id)
        return answerJudgement(
          await desk.judge({
            ...{ action, agent: id, incarnation, trigger: 'human', hold: 'human' },
            ...{ actor: caller.name, episode: 'rehearsal', reason: 'what would come of it' },
            ...(enforce === true ? { optIn: true } : {}),
          }),
        )
      },
    )
  }
}

function answerJudgement(judgement: Judgement) {
  if (judgement.verdict === 'allow') return { verdict: judgement.verdict }
  const { verdict, reason, detail } = judgement
  return { verdict, refusal: reason, detail: cleanText(detail, 512) }
}
