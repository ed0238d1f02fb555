import { describe, expect, it } from 'vitest'
import { type ActionRequest, TRIGGERS } from '../../../src/control/model.ts'
import { type MemoryFacts, objectionToSize } from '../../../src/control/room-for.ts'

const GIB = 2 ** 30
const roomy: MemoryFacts = { usedBytes: GIB, limitBytes: 2 * GIB, hostAvailableBytes: 8 * GIB }

function objection(
  memoryBytes: number,
  facts: Partial<MemoryFacts> = {},
  trigger: ActionRequest['trigger'] = 'alert',
) {
  const request: ActionRequest = {
    ...{ action: 'resize', agent: 'a', episode: '1', actor: 'x', reason: 'y', hold: 'alert:1', trigger },
    size: { memoryBytes },
  }
  return objectionToSize(request, { ...roomy, ...facts })?.[0]
}

describe('room for a resize', () => {
  it('is there when a fifth more than is used fits, and the host has it', () => {
    expect(objection(4 * GIB)).toBeUndefined()
    expect(objection(Math.ceil(1.2 * GIB))).toBeUndefined()
    expect(objection(4 * GIB, { hostAvailableBytes: 3 * GIB })).toBeUndefined()
  })

  it('is not there below a fifth more than is used', () => {
    expect(objection(Math.ceil(1.2 * GIB) - 1)).toBe('below_usage')
    expect(objection(1.1 * GIB, { limitBytes: undefined })).toBe('below_usage')
    expect(objection(2.2 * GIB, { usedBytes: 2 * GIB })).toBe('below_usage')
  })

  it('is not there when the host lacks what it could take', () => {
    expect(objection(4 * GIB, { hostAvailableBytes: 3 * GIB - 1 })).toBe('host_memory')
    expect(objection(4 * GIB, { limitBytes: undefined, hostAvailableBytes: GIB })).toBe('host_memory')
  })

  it('is not guessed', () => {
    expect(objection(4 * GIB, { hostAvailableBytes: undefined })).toBe('missing_data')
    expect(objection(4 * GIB, { usedBytes: undefined })).toBe('missing_data')
    expect(objection(4 * GIB, { usedBytes: undefined }, 'human')).toBeUndefined()
  })

  it('needs nothing of the host where the limit gets smaller', () => {
    expect(objection(1.5 * GIB, { hostAvailableBytes: 0 })).toBeUndefined()
  })

  it('may be a small step up for the memory room, and whatever a person says', () => {
    expect(objection(2.2 * GIB, { usedBytes: 2 * GIB }, 'memory')).toBeUndefined()
    expect(objection(1.9 * GIB, { usedBytes: 1.8 * GIB }, 'memory')).toBe('below_usage')
    expect(objection(GIB, { hostAvailableBytes: 0 }, 'human')).toBeUndefined()
  })

  it('is asked of everything but a person', () => {
    const refused = TRIGGERS.filter((trigger) => objection(9 * GIB + 1, {}, trigger) === 'host_memory')
    expect(refused).toEqual(TRIGGERS.filter((trigger) => trigger !== 'human'))
  })
})
