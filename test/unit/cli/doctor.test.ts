import { describe, expect, it } from 'vitest'
import { renderReach } from '../../../src/cli/doctor.ts'
import { displayWidth } from '../../../src/cli/width.ts'

const REACH = [
  { name: 'processes', state: 'ok', detail: '/proc: 212 processes', cost: 'none' },
  {
    name: 'Docker',
    state: 'missing',
    detail: 'no socket at unix:///var/run/docker.sock',
    cost: 'containers are neither found nor paused, and how they ended is judged from the outside alone\u001b[2J',
  },
] as const

describe('what doctor shows', () => {
  it.each([80, 140])('goes on below on %i columns, and nothing is cut', (columns) => {
    const text = renderReach(REACH, { columns, colours: 'off' })
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(columns)
    expect(text.replace(/\s+/g, ' ')).toContain(`${REACH[1].detail}; ${REACH[1].cost.slice(0, -4)}\ufffd[2J`)
    expect(text).toMatchSnapshot()
  })

  it('is one line for each into a pipe, and in colour on a terminal', () => {
    expect(renderReach(REACH, { columns: undefined, colours: 'off' }).split('\n')).toHaveLength(3)
    expect(renderReach(REACH, { columns: 140, colours: 'on' })).toContain('\u001b[31mmissing\u001b[0m')
  })
})
