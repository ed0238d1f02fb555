import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeWith } from '../../support/services.ts'

describeWith('promtool', 'the rule for alerts that are taken for foreign', ({ promtool }) => {
  it('finds the exporter that takes nothing while its own agents are in need, and no other', () => {
    const story = join(import.meta.dirname, 'alertmanager.promtool.yml')
    expect(execFileSync(promtool, ['test', 'rules', story], { encoding: 'utf8' })).toContain('SUCCESS')
  })
})
