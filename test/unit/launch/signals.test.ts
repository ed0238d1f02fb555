import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { forwardSignals } from '../../../src/launch/signals.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function unborn(session: 'shared' | 'own') {
  const clock = fakeClock()
  const done: string[] = []
  const source = new EventEmitter()
  const forwarding = forwardSignals({
    ...{ clock, session, graceMs: 1_000 },
    source: source as unknown as Pick<NodeJS.Process, 'on' | 'off'>,
  })
  const begin = () =>
    forwarding.begun({
      child: {
        signal: (signal) => done.push(`child ${signal}`),
        signalGroup: (signal) => done.push(`group ${signal}`),
      },
      killTree: () => done.push('kill tree'),
    })
  return { clock, done, source, forwarding, begin }
}

function scene(session: 'shared' | 'own') {
  const { begin, ...rest } = unborn(session)
  begin()
  return rest
}

describe('signals of the wrapper', () => {
  it('go to the child, those of a keyboard to its group', () => {
    const { source, done } = scene('own')
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGINT', 'SIGQUIT', 'SIGWINCH'])
      source.emit(signal)
    expect(done).toEqual([
      'child SIGHUP',
      'child SIGUSR1',
      'child SIGUSR2',
      'child SIGCONT',
      'group SIGINT',
      'group SIGQUIT',
      'group SIGWINCH',
    ])
  })

  it('are not repeated on a terminal, which has sent them to the child already', () => {
    const { source, done } = scene('shared')
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGWINCH']) source.emit(signal)
    expect(done).toEqual([])
    expect(source.listenerCount('SIGINT')).toBe(1)
  })

  it('leave the stop signals of a terminal alone', () => {
    const { source } = scene('shared')
    for (const signal of ['SIGTSTP', 'SIGTTIN', 'SIGTTOU']) expect(source.listenerCount(signal)).toBe(0)
  })

  it('wait for a child that is not there yet, in their order', () => {
    const { source, done, clock, begin } = unborn('own')
    for (const signal of ['SIGUSR1', 'SIGTERM']) source.emit(signal)
    clock.advance(5_000)
    expect(done).toEqual([])
    begin()
    expect(done).toEqual(['child SIGUSR1', 'child SIGTERM'])
    clock.advance(1_000)
    expect(done).toEqual(['child SIGUSR1', 'child SIGTERM', 'kill tree'])
  })

  it('end the tree after the grace', () => {
    const { source, done, clock } = scene('own')
    source.emit('SIGTERM')
    clock.advance(999)
    expect(done).toEqual(['child SIGTERM'])
    clock.advance(1)
    expect(done).toEqual(['child SIGTERM', 'kill tree'])
  })

  it('end the tree at once when SIGTERM comes twice', () => {
    const { source, done } = scene('own')
    source.emit('SIGTERM')
    source.emit('SIGTERM')
    expect(done).toEqual(['child SIGTERM', 'kill tree'])
  })

  it('only hurry up what is left once the child has ended', () => {
    const { source, done, clock, forwarding } = scene('own')
    source.emit('SIGTERM')
    let hurried = 0
    forwarding.childEnded(() => hurried++)
    clock.advance(5_000)
    for (const signal of ['SIGUSR1', 'SIGINT', 'SIGTERM', 'SIGWINCH']) source.emit(signal)
    expect(done).toEqual(['child SIGTERM'])
    expect(hurried).toBe(2)
  })

  it('have their defaults back afterwards', () => {
    const { source, forwarding } = scene('own')
    forwarding.stop()
    expect(source.eventNames()).toEqual([])
  })
})
