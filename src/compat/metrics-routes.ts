import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Clock } from '../platform/clock.ts'
import type { HostMemory } from '../platform/host/memory.ts'
import '../platform/http/scope.ts'
import { answerView } from './answer.ts'
import { countLevels, type Fleet, topConsumers } from './fleet.ts'
import type { EndedLife } from './sessions.ts'

export interface MetricsOptions {
  readonly clock: Clock
  readonly fleet: Fleet
  readonly host: () => HostMemory
  readonly ended: () => readonly EndedLife[]
}

const MOST_RECENT = 10
const tags = ['monitoring']

/** `GET /api/metrics/agents`, `GET /api/metrics`. */
export function metricsRoutes({ clock, fleet, host, ended }: MetricsOptions): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/api/metrics/agents',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Memory and CPU of every agent, and of the machine',
          description:
            'Resident memory of all processes of an agent, its highest, lowest and mean of the last hour; CPU of one core over the last 10 s. What is not known is null. host: the daemon of another host that told it.',
          tags,
          querystring: Type.Object({}),
        },
      },
      async ({ caller }) => {
        const views = fleet.views((id) => caller.mayTouch(id))
        const { totalBytes, freeBytes, availableBytes } = host()
        return {
          agents: views.map(answerView),
          system: {
            totalMemory: totalBytes ?? null,
            freeMemory: freeBytes ?? null,
            availableMemory: availableBytes ?? null,
            // Of this daemon, as in the seed.
            heapUsed: process.memoryUsage().heapUsed,
            totalAgents: views.length,
            agentsByAlertLevel: countLevels(views),
            topMemoryConsumers: topConsumers(views).map(({ name, rssBytes, host: from }) => ({
              name,
              rssBytes: Math.round(rssBytes ?? 0),
              host: from ?? null,
            })),
          },
        }
      },
    )

    app.get(
      '/api/metrics',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Agents that are there, and how the lives of others ended',
          description:
            'Messages between agents are not observed, so what the seed counted of them is null. Sessions are lives of agents; the ended ones since the start of the daemon, the last 1,000 at most.',
          tags,
          querystring: Type.Object({}),
        },
      },
      async ({ caller }) => {
        const views = fleet.views((id) => caller.mayTouch(id))
        const online = views.filter(({ status }) => status !== 'offline')
        const over = ended().filter(({ agent }) => caller.mayTouch(agent))
        const by = (...reasons: EndedLife['reason'][]) =>
          over.filter(({ reason }) => reasons.includes(reason)).length
        const closedByError = by('crashed')
        return {
          totalAgents: views.length,
          onlineAgents: online.length,
          offlineAgents: views.length - online.length,
          totalMessages: null,
          throughput: {
            messagesLastMinute: null,
            messagesLastHour: null,
            messagesLast24Hours: null,
            avgMessagesPerMinute: null,
          },
          sessions: {
            totalSessions: online.length + over.length,
            activeSessions: online.length,
            closedByAgent: by('clean'),
            closedByDisconnect: by('stopped', 'terminated', 'unknown'),
            closedByError,
            errorRate: over.length === 0 ? null : Math.round((10_000 * closedByError) / over.length) / 100,
            recentSessions: over
              .slice(-MOST_RECENT)
              .toReversed()
              .map(({ agent, reason, atMs }) => ({
                agentName: agent,
                closedBy: reason,
                endedAt: new Date(atMs).toISOString(),
              })),
          },
          agents: views.map(({ name, status, startedAtMs, atMs, uptimeMs, host: from }) => ({
            name,
            host: from ?? null,
            messagesSent: null,
            messagesReceived: null,
            firstSeen: startedAtMs === undefined ? null : new Date(startedAtMs).toISOString(),
            lastSeen: new Date(atMs).toISOString(),
            isOnline: status !== 'offline',
            uptimeSeconds: uptimeMs === undefined ? null : Math.round(uptimeMs / 1_000),
          })),
          timestamp: new Date(clock.now()).toISOString(),
        }
      },
    )
  }
}
