import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeWith } from '../../support/services.ts'

describeWith('promtool', 'the rules for agents', ({ promtool }) => {
  it('R58 warn of an agent that keeps more than three cores busy for minutes, and of no other', () => {
    const story = join(import.meta.dirname, 'agents.promtool.yml')
    expect(execFileSync(promtool, ['test', 'rules', story], { encoding: 'utf8' })).toContain('SUCCESS')
  })
})
