import { describe, expect, it } from 'vitest'
import { compilePolicies, type Rule } from '../../../src/alertmanager/policy.ts'
import { ruleOf } from './shapes.ts'

const labels = (more: Record<string, string>) => new Map(Object.entries(more))

describe('policies', () => {
  it('are decided by the first rule that fits', () => {
    const { of } = compilePolicies([
      ruleOf({ match: { alertname: 'A', severity: 'critical' }, action: 'terminate' }),
      ruleOf({ match: { alertname: 'A' }, matchers: ['agent=~"team-a-.*"', 'agent!="team-a-boss"'] }),
      ruleOf({ match: { alertname: 'A' }, action: 'notify' }),
    ])
    const action = (more: Record<string, string>) => {
      const policy = of(labels({ alertname: 'A', ...more }))
      return policy === 'none' ? policy : policy.rule.action
    }
    expect(action({ severity: 'critical', agent: 'team-a-1' })).toBe('terminate')
    expect(action({ agent: 'team-a-1' })).toBe('pause')
    expect(action({ agent: 'team-a-boss' })).toBe('notify')
    expect(action({ alertname: 'B', agent: 'team-a-1' })).toBe('none')
  })

  it('without any condition fit nothing', () => {
    expect(compilePolicies([ruleOf({ match: {} })]).of(labels({ alertname: 'A' }))).toBe('none')
    expect(compilePolicies([]).of(labels({ alertname: 'A' }))).toBe('none')
  })

  it('keep their names as long as they select the same', () => {
    const idOf = (rule: Rule) => {
      const policies = compilePolicies([rule])
      const policy = policies.of(labels({ alertname: 'A', team: 'x' }))
      if (policy === 'none') throw new Error('does not fit')
      expect(policies.byId(policy.id)).toBe(policy)
      return policy.id
    }
    const one = idOf(ruleOf({ match: { alertname: 'A', team: 'x' } }))
    expect(idOf(ruleOf({ match: { team: 'x', alertname: 'A' }, action: 'terminate', dryRun: true }))).toBe(
      one,
    )
    expect(idOf(ruleOf({ match: { alertname: 'A' } }))).not.toBe(one)
    expect(compilePolicies([]).byId(one)).toBeUndefined()
  })
})
