import { describe, expect, it } from 'vitest'
import { idOf } from '../../../dashboards/src/identity.ts'
import { layOut } from '../../../dashboards/src/layout.ts'

const panel = (width: number, height = 4) => ({ width, height })

describe('panels are set', () => {
  it('side by side, line by line, below the heading of their row', () => {
    const [first, second] = layOut([
      { panels: [panel(12), panel(12), panel(24)] },
      { title: 'More', panels: [panel(24)] },
    ])
    expect(first!.panels.map(({ gridPos }) => gridPos)).toEqual([
      { h: 4, w: 12, x: 0, y: 0 },
      { h: 4, w: 12, x: 12, y: 0 },
      { h: 4, w: 24, x: 0, y: 4 },
    ])
    expect(second!.heading).toEqual({ h: 1, w: 24, x: 0, y: 8 })
    expect(second!.panels[0]!.gridPos.y).toBe(9)
  })

  it('so that a closed row takes no room but its heading', () => {
    const [, next] = layOut([
      { title: 'Closed', collapsed: true, panels: [panel(24)] },
      { title: 'Next', panels: [panel(24)] },
    ])
    expect(next!.heading!.y).toBe(1)
  })

  it.each([
    ['too wide', [panel(20), panel(5)], '25 columns'],
    ['not full', [panel(20)], '20 columns'],
    ['of two heights', [panel(12), panel(12, 5)], 'two heights'],
  ])('or refused: a line %s', (_, panels, message) => {
    expect(() => layOut([{ panels }])).toThrow(message)
  })
})

it('an id is made of its key alone, and is one that Grafana takes', () => {
  expect(idOf('fleet/health')).toBe(idOf('fleet/health'))
  expect(idOf('fleet/health')).not.toBe(idOf('agent/health'))
  for (const key of ['', 'a', 'é']) expect(idOf(key)).toBeGreaterThan(0)
})
