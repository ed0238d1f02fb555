import { describe, expect, it } from 'vitest'
import { createConfigHolder } from '../../../src/config/holder.ts'
import { configJsonSchema } from '../../../src/config/json-schema.ts'
import { parseConfig } from '../../../src/config/load.ts'

describe('reload', () => {
  const holderOf = (texts: string[]) => {
    const load = () => ({ config: parseConfig('test', texts.shift() ?? '', {}), file: 'test' })
    return createConfigHolder(load(), load, () => 42)
  }

  it('takes over what can change and tells what needs a restart', () => {
    const holder = holderOf(['', 'agents: { maxSeries: 5000 }\nstore: { url: "sqlite:/x" }'])
    const seen: number[] = []
    holder.onChange((config) => seen.push(config.agents.maxSeries))
    expect(holder.reload()).toEqual({ ok: true, needRestart: ['store'] })
    expect(holder.current.agents.maxSeries).toBe(5_000)
    expect(holder.current.store.url).toBe('sqlite')
    expect(seen).toEqual([5_000])
  })

  it('leaves the old one in force when the new one is bad', () => {
    const holder = holderOf(['agents: { maxSeries: 5000 }', 'agents: { maxSeries: no }'])
    expect(holder.reload()).toMatchObject({ ok: false })
    expect(holder.current.agents.maxSeries).toBe(5_000)
    expect(holder.lastReload).toEqual({ at: 42, ok: false })
  })

  it('leaves the old one in force everywhere when one part cannot use the new one', () => {
    const holder = holderOf(['agents: { maxSeries: 5000 }', 'agents: { maxSeries: 6000 }'])
    const seen: number[] = []
    holder.onChange((config) => seen.push(config.agents.maxSeries))
    holder.onChange(({ agents }) => {
      if (agents.maxSeries === 6_000) throw new Error('auth.tokens[ci].file: cannot be read')
    })
    expect(holder.reload()).toMatchObject({ ok: false })
    expect(holder.current.agents.maxSeries).toBe(5_000)
    expect(seen).toEqual([6_000, 5_000])
    expect(holder.lastReload.ok).toBe(false)
  })
})

describe('published schema', () => {
  it('makes every key with a default optional and keeps what a token needs', () => {
    const text = JSON.stringify(configJsonSchema())
    expect(text).not.toContain('x-hint')
    expect(text).toContain('"required":["name","scopes"]')
    expect(JSON.parse(text).required).toBeUndefined()
  })
})
