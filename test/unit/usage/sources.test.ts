import { describe, expect, it } from 'vitest'
import { claimSources } from '../../../src/usage/sources.ts'
import { used } from './moments.ts'

describe('one source for each quantity of an agent', () => {
  it('is the first that reports it', () => {
    const claim = claimSources({}, [
      used(0, { source: 'hook', apiCalls: 1 }),
      used(0, { source: 'otlp', tokens: { input: 5 }, costUsd: 1 }),
    ])
    expect(claim).toEqual({
      outcome: 'granted',
      sources: { api_calls: 'hook', tokens: 'otlp', cost_usd: 'otlp' },
    })
  })

  it('shuts out every other, by name and place in the request', () => {
    const records = [
      used(0, { source: 'otlp', files: [{ op: 'read', count: 1 }] }),
      used(0, { source: 'otlp', failedApiCalls: 1 }),
    ]
    expect(claimSources({ api_calls: 'hook' }, records)).toEqual({
      outcome: 'conflict',
      index: 1,
      quantity: 'api_calls',
      owner: 'hook',
    })
  })

  it('is not claimed by a zero', () => {
    const zero = used(0, {
      source: 'x',
      files: [{ op: 'read', count: 0 }],
      apiCalls: 0,
      tokens: { input: 0 },
      subtasks: 0,
      costUsd: 0,
    })
    expect(claimSources({ tokens: 'hook' }, [zero])).toEqual({
      outcome: 'granted',
      sources: { tokens: 'hook' },
    })
  })

  it('does not change what was claimed before', () => {
    const sources = { tokens: 'hook' }
    claimSources(sources, [used(0, { source: 'otlp', apiCalls: 1 })])
    expect(sources).toEqual({ tokens: 'hook' })
  })
})
