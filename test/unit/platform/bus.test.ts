import { describe, expect, it } from 'vitest'
import { createBus } from '../../../src/platform/bus.ts'

type Events = { first: number; second: string }

describe('bus', () => {
  it('delivers what a handler emits after the current event', () => {
    const seen: string[] = []
    const bus = createBus<Events>(() => {})
    bus.on('first', (n) => {
      bus.emit('second', `from ${n}`)
      seen.push('first handler done')
    })
    bus.on('second', (text) => seen.push(text))
    bus.emit('first', 1)
    expect(seen).toEqual(['first handler done', 'from 1'])
  })

  it('lets a throwing handler cost only itself', () => {
    const failed: string[] = []
    const seen: number[] = []
    const bus = createBus<Events>((_error, event) => failed.push(event))
    bus.on('first', () => {
      throw new Error('broken')
    })
    bus.on('first', (n) => seen.push(n))
    bus.emit('first', 7)
    expect(failed).toEqual(['first'])
    expect(seen).toEqual([7])
  })

  it('stops delivering after unsubscribe', () => {
    const seen: number[] = []
    const bus = createBus<Events>(() => {})
    const off = bus.on('first', (n) => seen.push(n))
    off()
    bus.emit('first', 1)
    expect(seen).toEqual([])
  })
})
