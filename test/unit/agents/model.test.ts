import { describe, expect, it } from 'vitest'
import { isAgentId } from '../../../src/agents/model.ts'

describe('agent ids', () => {
  it.each(['claude-0123abcd', 'a', 'A.b_c:d@e-f', 'x'.repeat(128)])('%s is one', (id) =>
    expect(isAgentId(id)).toBe(true),
  )
  it.each(['', '.', '..', '../x', '-a', '_a', 'a/b', 'a b', 'a\n', 'ü', 'x'.repeat(129)])(
    '%j is none',
    (id) => expect(isAgentId(id)).toBe(false),
  )
})
