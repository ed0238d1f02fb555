import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, it } from 'vitest'
import { createEventLog } from '../../../src/events/log.ts'
import { createStreams } from '../../../src/events/stream.ts'
import { fakeClock } from '../../support/fake-clock.ts'

class FakeResponse extends EventEmitter {
  text = ''
  writableLength = 0
  ended = false
  destroyed = false
  writeHead(): void {}
  write(text: string): void {
    this.text += text
  }
  end(): void {
    this.ended = true
    this.emit('close')
  }
  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function house() {
  const clock = fakeClock()
  const log = createEventLog(clock, () => {}, 3)
  const streams = createStreams(clock, log, () => 'here:1')
  const drain = new AbortController()
  const open = (lastEventId?: string, type?: string) => {
    const response = new FakeResponse()
    const isOpen = streams.open({
      response: response as unknown as ServerResponse,
      lastEventId,
      wants: (event) => type === undefined || event.type === type,
      over: [drain.signal],
    })
    return { response, isOpen }
  }
  const publish = (type: string) => log.publish({ type, agent: 'a', summary: `${type} happened`, detail: {} })
  return { clock, log, streams, drain, open, publish }
}

it('tells what happens from now on, as one frame each', () => {
  const { open, publish } = house()
  publish('agent.paused')
  const { response } = open()
  const { id } = publish('agent.resumed')
  expect(response.text).not.toContain('agent.paused')
  expect(response.text).toContain(
    `id: ${id}\nevent: agent.resumed\ndata: {"type":"agent.resumed","instance":"here:1"`,
  )
  expect(response.text.endsWith('}\n\n')).toBe(true)
})

it('resumes after the last event that was seen, and with all that is left when that is forgotten', () => {
  const { open, publish } = house()
  const ids = ['a', 'b', 'c', 'd'].map((type) => publish(type).id)
  const types = (text: string) => [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)
  expect(types(open(ids[2]).response.text)).toEqual(['d'])
  expect(types(open(ids[0]).response.text)).toEqual(['b', 'c', 'd'])
  expect(types(open('of-another-run').response.text)).toEqual(['b', 'c', 'd'])
  expect(types(open(ids[3]).response.text)).toEqual([])
})

it('sends only what was asked for', () => {
  const { open, publish } = house()
  const { response } = open(undefined, 'agent.paused')
  publish('agent.resumed')
  publish('agent.paused')
  expect(response.text).not.toContain('agent.resumed')
  expect(response.text).toContain('agent.paused')
})

it('beats every 15 s and stops when the reader leaves', () => {
  const { clock, open, streams } = house()
  const { response } = open()
  clock.advance(45_000)
  expect(response.text.match(/: alive/g)).toHaveLength(3)
  response.emit('close')
  clock.advance(60_000)
  expect(response.text.match(/: alive/g)).toHaveLength(3)
  expect(streams.size).toBe(0)
})

it('cuts a reader that does not read, and counts it', () => {
  const { open, publish, streams } = house()
  const { response } = open()
  response.writableLength = 300 * 1024
  publish('agent.paused')
  expect(response.destroyed).toBe(true)
  expect(streams).toMatchObject({ size: 0, cut: 1 })
  publish('agent.paused')
  expect(streams.cut).toBe(1)
})

it('ends every stream when the server drains, and opens none afterwards', () => {
  const { open, drain, streams } = house()
  const { response } = open()
  drain.abort()
  expect(response.ended).toBe(true)
  expect(streams.size).toBe(0)
  expect(open().isOpen).toBe(false)
})

it('opens a bounded number of streams', () => {
  const { open } = house()
  for (let n = 0; n < 100; n++) expect(open().isOpen).toBe(true)
  expect(open().isOpen).toBe(false)
})
