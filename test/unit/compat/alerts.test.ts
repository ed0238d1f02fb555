import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StoredAlert } from '../../../src/memory/record.ts'
import { bearer, CONTROL_TOKEN } from '../platform/http/support.ts'
import { createRoom, type Room, TOKENS } from './room.ts'

let room: Room
beforeEach(async () => {
  room = await createRoom()
})
afterEach(() => room.close())

const CONTROL = bearer(CONTROL_TOKEN)
const json = async (query = '', headers = {}) =>
  (await room.get(`/api/monitoring/alerts${query}`, headers)).json()
const acknowledge = (id: string, headers: object = CONTROL) =>
  room.post(`/api/monitoring/alerts/${id}/acknowledge`, {}, headers)

function raise(id: string, agent: string, more: Partial<StoredAlert> = {}): void {
  room.state.alerts.push({
    ...{ id, agent, origin: 'me', incarnation: agent, type: 'critical', level: 'critical', bytes: 5 },
    ...{ thresholdBytes: 4, message: 'High.', recommendation: 'Look.', atMs: room.clock.now() },
    acknowledgedAtMs: undefined,
    ...more,
  } as Room['state']['alerts'][number])
  room.clock.advance(1_000)
}

describe('memory alerts over HTTP (R26)', () => {
  it('lists those of this daemon beside those of others, newest first, page by page', async () => {
    for (let i = 0; i < 7; i++) raise(`own-${i}`, i % 2 === 0 ? 'a-1' : 'b-1')
    raise('far', 'a-2', { origin: 'host-1' })
    const { alerts, nextCursor, unacknowledgedCount } = await json('?limit=3')
    const ids = (list: { id: string }[]) => list.map(({ id }) => id)
    expect(ids(alerts)).toEqual(['far', 'own-6', 'own-5'])
    expect(unacknowledgedCount).toBe(8)
    expect(ids((await json(`?limit=3&cursor=${nextCursor}`)).alerts)).toEqual(['own-4', 'own-3', 'own-2'])
    expect(ids((await json('?daemonId=host-1')).alerts)).toEqual(['far'])
    expect(ids((await json('?agentName=a-2')).alerts)).toEqual(['far'])
    expect((await json('?agentName=a-2')).unacknowledgedCount).toBe(1)
  })

  it('is acknowledged by a person, once', async () => {
    raise('one', 'a-1')
    raise('two', 'a-1')
    expect((await acknowledge('one')).json()).toEqual({ success: true })
    const at = new Date(room.clock.now()).toISOString()
    room.clock.advance(5_000)
    expect((await acknowledge('one')).json()).toEqual({ success: true })
    const { alerts, unacknowledgedCount } = await json('?acknowledged=true')
    expect(alerts).toEqual([expect.objectContaining({ id: 'one', acknowledged: true, acknowledgedAt: at })])
    expect(unacknowledgedCount).toBe(1)
    expect((await json('?acknowledged=false')).alerts.map(({ id }: { id: string }) => id)).toEqual(['two'])
    expect((await acknowledge('one', {})).statusCode).toBe(401)
    expect((await acknowledge('nine')).json().code).toBe('AE_NOT_FOUND')
    expect((await acknowledge('..%2f')).json().code).toBe('AE_INVALID')
  })

  it('shows and lets acknowledge only those of agents that the token covers (E17)', async () => {
    for (let i = 0; i < 30; i++) raise(`b-${i}`, 'b-1', { origin: 'host-2' })
    raise('a', 'a-1')
    raise('last', 'b-1')
    const { alerts, unacknowledgedCount } = await json('?limit=5', TOKENS['team-a'])
    expect(alerts.map(({ id }: { id: string }) => id)).toEqual(['a'])
    expect(unacknowledgedCount).toBe(1)
    expect((await json('?agentName=b-1', TOKENS['team-a'])).alerts).toEqual([])
    expect((await acknowledge('last', TOKENS['team-a'])).json().code).toBe('AE_NOT_FOUND')
    expect(room.state.alerts.at(-1)?.acknowledgedAtMs).toBeUndefined()
    expect((await acknowledge('a', TOKENS['team-a'])).statusCode).toBe(200)
  })

  it.each(['limit=0', 'limit=1001', 'limit=x', 'acknowledged=maybe', 'cursor=zzz', 'agentName=..%2f'])(
    'refuses %s (E18)',
    async (query) => {
      expect((await json(`?${query}`)).code).toBe('AE_INVALID')
    },
  )

  it('tells those who ask about health what waits, a recovery not', async () => {
    for (let i = 0; i < 12; i++) raise(`a-${i}`, 'a-1')
    raise('well', 'a-1', { type: 'recovered' })
    raise('b', 'b-1')
    const all = () => true
    expect(await room.compat.health.pending(all)).toHaveLength(10)
    expect(await room.compat.health.pending((id) => id === 'b-1')).toEqual([
      expect.objectContaining({ id: 'b', agentName: 'b-1' }),
    ])
    expect(await room.compat.health.count24h(all)).toBe(14)
    room.clock.advance(86_400_000)
    expect(await room.compat.health.count24h(all)).toBe(0)
  })
})
