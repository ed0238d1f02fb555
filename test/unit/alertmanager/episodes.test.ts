import { describe, expect, it } from 'vitest'
import { ownInstances } from '../../../src/alertmanager/instances.ts'
import { compilePolicies } from '../../../src/alertmanager/policy.ts'
import { revive } from '../../../src/alertmanager/settle.ts'
import { countActive, FORGET_MS, MOST_SERIES } from '../../../src/alertmanager/table.ts'
import { CURED, firing, lifeOf, MINUTE, resolved, ruleOf, SECOND, START, worldOf } from './shapes.ts'

const kinds = (world: ReturnType<typeof worldOf>) => world.verdicts.map(({ kind }) => kind)

describe('an episode', () => {
  it('asks for its action once, however often the alert is told', () => {
    const world = worldOf([ruleOf()])
    expect(world.tell(firing(), firing())).toEqual(['asked', 'repeated'])
    for (let i = 0; i < 20; i++) {
      world.wait(5 * MINUTE)
      expect(world.tell(firing())).toEqual(['repeated'])
    }
    expect(world.acts()).toEqual(['A#1'])
    expect(countActive(world.table)).toEqual({ firing: 1, unknown: 0 })
  })

  it('asks with all that the rule says', () => {
    const world = worldOf([
      ruleOf({ action: 'terminate', dryRun: true, approval: 'required', grace: 3_000 }),
      ruleOf({
        match: { alertname: 'B' },
        action: 'resize',
        size: { memoryBytes: 4e9, maxMemoryBytes: 8e9 },
      }),
    ])
    world.answers = 'none'
    world.tell({ ...firing(), summary: 'It is bad.' }, firing({ alertname: 'B' }))
    const requests = world.verdicts.flatMap((one) => (one.kind === 'act' ? [one.request] : []))
    const same = { agent: 'a', incarnation: 'life-1', trigger: 'alert' }
    expect(requests).toEqual([
      {
        ...same,
        ...{ action: 'terminate', episode: 'A#1', hold: 'alert:A#1', actor: 'A', reason: 'A: It is bad.' },
        ...{ dryRun: true, approval: 'required', graceMs: 3_000 },
      },
      {
        ...same,
        ...{ action: 'resize', episode: 'B#2', hold: 'alert:B#2', actor: 'B', reason: 'B fires' },
        size: { memoryBytes: 4e9 },
      },
    ])
  })

  it('asks again for what was refused for now, when the alert is heard again', () => {
    const world = worldOf([ruleOf()])
    world.answers = 'owed'
    world.tell(firing())
    world.answers = 'over'
    expect(world.tell(firing())).toEqual(['asked'])
    expect(world.tell(firing())).toEqual(['repeated'])
    expect(world.acts()).toEqual(['A#1', 'A#1'])
  })

  it('stays one over other starts, other replicas and a restart of the daemon', () => {
    const world = worldOf([ruleOf()])
    world.tell(firing())
    world.wait(MINUTE)
    world.tell(firing({ starts: 50 * SECOND }), firing({ fingerprint: 'replica-2', starts: 2 * SECOND }))
    expect(world.acts()).toEqual(['A#1'])
    expect([...revive(world.table).entries.values()][0]).toMatchObject({
      progress: 'done',
      startsAtMs: START,
    })
  })

  it('is closed only when every series has resolved', () => {
    const world = worldOf([ruleOf()])
    world.tell(firing(), firing({ fingerprint: 'g' }))
    world.wait(MINUTE)
    expect(world.tell(resolved())).toEqual(['resolved'])
    expect(kinds(world)).not.toContain('closed')
    world.tell(resolved({ fingerprint: 'g' }))
    expect(kinds(world)).toContain('closed')
    expect(countActive(world.table)).toEqual({ firing: 0, unknown: 0 })
  })

  it('is another one for another alert, rule or agent', () => {
    const world = worldOf([ruleOf({ match: { severity: 'critical' } }), ruleOf()])
    world.agents.set('b', lifeOf('b'))
    world.tell(
      firing(),
      firing({ labels: { severity: 'critical' } }),
      firing({ alertname: 'B', labels: { severity: 'critical' } }),
      firing({ agent: 'b' }),
    )
    expect(world.acts()).toEqual(['A#1', 'A#2', 'B#3', 'A#4'])
  })

  it('stays open over a change of the configuration that selects the same', () => {
    const world = worldOf([ruleOf({ dryRun: true })])
    world.tell(firing())
    world.config = { ...world.config, policies: compilePolicies([ruleOf({ match: { x: 'y' } }), ruleOf()]) }
    expect(world.tell(firing())).toEqual(['repeated'])
  })

  it('of a rule that only notifies tells people once', () => {
    const world = worldOf([ruleOf({ action: 'notify' })])
    world.tell(firing())
    world.tell(firing())
    expect(kinds(world)).toEqual(['opened', 'notify'])
  })

  it.each(['restart', 'scale_up', 'scale_down', 'migrate'] as const)(
    'says that %s is not possible yet',
    (action) => {
      const world = worldOf([ruleOf({ action })])
      expect(world.tell(firing())).toEqual(['unsupported'])
      expect(world.tell(firing())).toEqual(['repeated'])
      expect(kinds(world)).toEqual(['opened', 'unsupported'])
    },
  )
})

describe('what comes late or in another order', () => {
  it('is an end from before the present start', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    world.tell(firing({ starts: 3 * MINUTE }))
    world.wait(4 * MINUTE)
    expect(world.tell(resolved({ ends: 2 * MINUTE }))).toEqual(['late'])
    expect(world.resumes()).toEqual([])
    world.wait(MINUTE)
    expect(world.tell(resolved({ starts: 3 * MINUTE, ends: 5 * MINUTE }))).toEqual(['resolved'])
    expect(world.resumes()).toEqual(['A#1'])
  })

  it('is a firing whose end was told before it', () => {
    const world = worldOf([ruleOf()])
    expect(world.tell(resolved())).toEqual(['unmatched'])
    expect(world.tell(firing())).toEqual(['late'])
    expect(world.tell(firing({ starts: MINUTE }))).toEqual(['asked'])
  })

  it('is a firing of an episode that is over', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    world.wait(2 * MINUTE)
    world.tell(resolved())
    expect(world.resumes()).toEqual(['A#1'])
    for (let i = 0; i < 100; i++)
      expect(world.tell(firing(), firing({ fingerprint: 'g' }))).toEqual(['late', 'late'])
    expect(world.acts()).toEqual(['A#1'])
  })

  it('is no end: the alert is repeated with its old start, so what resolved it was wrong', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    world.wait(2 * MINUTE)
    world.tell(resolved())
    const outcomes: string[] = []
    for (let i = 0; i < 5; i++) {
      world.wait(5 * MINUTE)
      outcomes.push(...world.tell(firing()))
    }
    expect(outcomes).toEqual(['late', 'asked', 'repeated', 'repeated', 'repeated'])
    expect(world.acts()).toEqual(['A#1', 'A#2'])
  })

  it('is told again in pairs and never followed', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    world.wait(2 * MINUTE)
    world.tell(resolved())
    for (let i = 0; i < 10; i++) {
      world.wait(10 * MINUTE)
      world.tell(firing())
      world.tell(resolved())
    }
    expect([world.acts(), world.resumes()]).toEqual([['A#1'], ['A#1']])
  })

  it('opens no second episode while the agent stands still for the first', () => {
    const world = worldOf([{ ...CURED, minHold: 10 * MINUTE }])
    world.tell(firing())
    world.wait(2 * MINUTE)
    world.tell(resolved())
    world.tell(firing({ starts: 2 * MINUTE }))
    expect(kinds(world)).toContain('refired')
    world.wait(3 * MINUTE)
    world.tell(resolved({ starts: 2 * MINUTE, ends: 5 * MINUTE }))
    world.wait(5 * MINUTE)
    expect([world.acts(), world.resumes()]).toEqual([['A#1'], ['A#1']])
  })

  it('of an agent that still stands for it opens the same episode again', () => {
    const world = worldOf([ruleOf()])
    world.tell(firing())
    world.wait(2 * MINUTE)
    world.tell(resolved())
    for (let i = 0; i < 4; i++) {
      world.wait(5 * MINUTE)
      world.tell(firing())
    }
    expect(kinds(world)).toEqual(['opened', 'act', 'closed', 'refired'])
  })

  it('is a replica that was not heard before: while the agent stands still it may fire yet', () => {
    const world = worldOf([{ ...CURED, minHold: 10 * MINUTE }])
    world.tell(firing())
    world.wait(2 * MINUTE)
    world.tell(resolved())
    expect(world.tell(firing({ fingerprint: 'g' }))).toEqual(['repeated'])
    world.wait(9 * MINUTE)
    expect(world.resumes()).toEqual([])
    world.tell(resolved({ fingerprint: 'g' }))
    expect(world.resumes()).toEqual(['A#1'])
  })

  it('is a copy from an earlier episode, which keeps no later one open', () => {
    const world = worldOf([{ ...CURED, deafFor: 0 }])
    world.tell(firing(), firing({ fingerprint: 'g' }))
    world.wait(2 * MINUTE)
    world.tell(resolved(), resolved({ fingerprint: 'g' }))
    world.tell(firing({ starts: 2 * MINUTE }))
    expect(world.tell(firing({ fingerprint: 'g' }))).toEqual(['late'])
    world.wait(2 * MINUTE)
    world.tell(resolved({ starts: 2 * MINUTE, ends: 3 * MINUTE }))
    expect(world.resumes()).toEqual(['A#1', 'A#2'])
  })

  it('is an end of a series that nobody heard begin, which ends nothing', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    expect(world.tell(resolved({ fingerprint: 'g' }))).toEqual(['unmatched'])
    expect(world.tell(firing({ fingerprint: 'g' }))).toEqual(['late'])
    expect(countActive(world.table).firing).toBe(1)
  })

  it('is an end in the future, which hides no later alert', () => {
    const world = worldOf([ruleOf()])
    world.tell(resolved({ ends: 365 * FORGET_MS }))
    world.wait(2 * MINUTE)
    expect(world.tell(firing({ starts: 2 * MINUTE }))).toEqual(['asked'])
  })

  it('is a new alert while the resume for the last one is under way: another episode, and deaf', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    world.wait(2 * MINUTE)
    world.answers = 'none'
    world.tell(resolved())
    expect(world.resumes()).toEqual(['A#1'])
    expect(world.tell(firing({ starts: 2 * MINUTE }))).toEqual(['deaf'])
    expect([...world.table.entries.values()][0]!.episode).toBe('A#2')
    world.holds.clear()
    world.wait(9 * MINUTE)
    expect(world.tell(firing({ starts: 2 * MINUTE }))).toEqual(['deaf'])
    world.wait(MINUTE)
    expect(world.tell(firing({ starts: 2 * MINUTE }))).toEqual(['asked'])
  })

  it('is a start in the future, which says nothing about who lived then', () => {
    const world = worldOf([ruleOf()])
    expect(world.tell(firing({ starts: 2 * MINUTE }))).toEqual(['stale_alert'])
  })
})

describe('an alert that is not repeated', () => {
  it('is unknown after two repeats, and a heartbeat brings it back', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    world.wait(10 * MINUTE)
    expect(countActive(world.table)).toEqual({ firing: 1, unknown: 0 })
    world.wait(1)
    expect(countActive(world.table)).toEqual({ firing: 0, unknown: 1 })
    world.wait(60 * MINUTE)
    expect([world.acts(), world.resumes()]).toEqual([['A#1'], []])
    expect(world.tell(firing())).toEqual(['repeated'])
    expect(countActive(world.table)).toEqual({ firing: 1, unknown: 0 })
  })

  it('is left as it is by copies, and kept alive by repeats', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    const [[key, entry]] = [...world.table.entries] as [[string, unknown]]
    world.wait(MINUTE)
    expect(world.tell(firing(), firing())).toEqual(['repeated', 'repeated'])
    expect(world.table.entries.get(key)).toBe(entry)
    for (let minute = 1; minute < 60; minute++) {
      world.wait(MINUTE)
      world.tell(firing())
    }
    expect(countActive(world.table)).toEqual({ firing: 1, unknown: 0 })
  })

  it('is not ended by another series: one that was cut off may still fire', () => {
    const world = worldOf([CURED])
    world.tell(firing(), firing({ fingerprint: 'g' }))
    world.wait(11 * MINUTE)
    world.tell(firing())
    world.tell(resolved())
    world.wait(60 * MINUTE)
    expect([world.resumes(), countActive(world.table).unknown]).toEqual([[], 1])
  })

  it('is forgotten after a day, when nothing is held for it', () => {
    const world = worldOf([ruleOf({ action: 'notify' })])
    world.tell(firing())
    world.wait(11 * MINUTE)
    world.wait(FORGET_MS)
    expect(world.table.entries.size).toBe(0)
    expect(kinds(world)).toEqual(['opened', 'notify', 'unknown', 'forgotten'])
    world.tell(firing({ starts: FORGET_MS }))
    expect([...world.table.entries.values()][0]!.episode).toBe('A#2')
  })

  it('goes with its agent', () => {
    const world = worldOf([ruleOf()])
    world.tell(firing())
    world.agents.delete('a')
    world.wait(11 * MINUTE)
    expect(world.table.entries.size).toBe(0)
  })
})

describe('nothing is done', () => {
  it.each([
    ['no_policy', firing({ alertname: 'Other' })],
    ['no_agent', firing({ agent: '' })],
    ['unknown_agent', firing({ agent: 'nobody' })],
  ])('%s', (outcome, alert) => {
    const world = worldOf([ruleOf()])
    expect(world.tell(alert)).toEqual([outcome])
    expect(world.table.entries.size).toBe(0)
  })

  it('to an agent that was not alive when the alert began, nor when Prometheus begins it anew', () => {
    const world = worldOf([ruleOf()])
    world.agents.set('a', lifeOf('a', 'life-1', START + SECOND))
    world.wait(20 * MINUTE)
    expect(world.tell(firing())).toEqual(['stale_alert'])
    expect(world.tell(firing({ starts: 19 * MINUTE }))).toEqual(['stale_alert'])
    expect(world.tell(resolved({ starts: 19 * MINUTE, ends: 20 * MINUTE }))).toEqual(['resolved'])
    expect(world.tell(firing({ starts: 20 * MINUTE }))).toEqual(['asked'])
  })

  it('to the next life of an agent that was paused, and it is not resumed either', () => {
    const world = worldOf([CURED])
    world.tell(firing())
    world.agents.set('a', lifeOf('a', 'life-2', START + MINUTE))
    world.holds.clear()
    world.wait(2 * MINUTE)
    expect(world.tell(firing())).toEqual(['stale_alert'])
    world.tell(resolved({ ends: 2 * MINUTE }))
    world.wait(20 * MINUTE)
    expect([world.acts(), world.resumes()]).toEqual([['A#1'], []])
  })

  it('to an agent that has just begun, and soon after something was done', () => {
    const world = worldOf([CURED])
    world.agents.set('a', lifeOf('a', 'life-1', START - MINUTE))
    expect(world.tell(firing())).toEqual(['deaf'])
    world.wait(9 * MINUTE)
    expect(world.tell(firing())).toEqual(['asked'])
    world.wait(2 * MINUTE)
    world.tell(resolved({ ends: 11 * MINUTE }))
    expect(world.resumes()).toEqual(['A#1'])
    world.wait(MINUTE)
    expect(world.tell(firing({ starts: 12 * MINUTE }))).toEqual(['deaf'])
    world.wait(9 * MINUTE)
    expect(world.tell(firing({ starts: 12 * MINUTE }))).toEqual(['asked'])
    expect(world.acts()).toEqual(['A#1', 'A#2'])
  })

  it('in an episode in which a person let the agent go on', () => {
    const world = worldOf([CURED])
    world.answers = 'owed'
    world.tell(firing())
    world.release()
    expect(world.tell(firing())).toEqual(['muted'])
    world.wait(5 * MINUTE)
    world.tell(resolved({ ends: 5 * MINUTE }))
    expect(world.tell(firing({ starts: 5 * MINUTE }))).toEqual(['asked'])
  })

  it('while two lives claim the agent', () => {
    const world = worldOf([ruleOf()])
    world.agents.set('a', { ...lifeOf('a'), conflict: true })
    expect(world.tell(firing())).toEqual(['conflict'])
  })
})

describe('alerts of other hosts', () => {
  const from = (instance: string | undefined) => {
    const alert = firing()
    const labels = new Map(alert.labels)
    if (instance === undefined) labels.delete('instance')
    else labels.set('instance', instance)
    return { ...alert, labels }
  }

  it('are known by the instances that were configured', () => {
    const world = worldOf([ruleOf()], { isOurs: ownInstances(['ours-*:9464']) })
    expect(world.tell(from('theirs:9464'), from(undefined))).toEqual(['foreign_instance', 'foreign_instance'])
    expect(world.tell(from('ours-1:9464'))).toEqual(['asked'])
  })

  it('make all alerts nobody’s when nothing is configured, whatever comes first', () => {
    const world = worldOf([ruleOf()])
    expect(world.tell(from('one:1'), from('two:1'))).toEqual(['foreign_instance', 'foreign_instance'])
    expect(world.tell(from('one:1'))).toEqual(['foreign_instance'])
    expect(world.tell(from(undefined))).toEqual(['foreign_instance'])
    world.wait(FORGET_MS)
    expect(world.tell(from('one:1'))).not.toEqual(['foreign_instance'])
  })

  it('do not count when no rule is about them', () => {
    const world = worldOf([ruleOf()])
    world.tell({
      ...from('two:1'),
      labels: new Map([
        ['alertname', 'Other'],
        ['instance', 'two:1'],
      ]),
    })
    expect(world.tell(from('one:1'))).toEqual(['asked'])
  })
})

describe('an agent goes on by itself', () => {
  const paused = (rule = CURED) => {
    const world = worldOf([rule])
    world.tell(firing())
    return world
  }
  const ended = (world: ReturnType<typeof worldOf>) => {
    world.tell(resolved())
    return world.resumes()
  }

  it('only by a rule that says so', () => {
    const world = paused(ruleOf())
    world.wait(2 * MINUTE)
    expect(ended(world)).toEqual([])
  })

  it('when the least time is over, and once', () => {
    const world = paused()
    world.wait(59 * SECOND)
    expect(ended(world)).toEqual([])
    world.wait(SECOND)
    expect(world.resumes()).toEqual(['A#1'])
    world.wait(60 * MINUTE)
    expect(world.resumes()).toEqual(['A#1'])
    const request = world.verdicts.find(({ kind }) => kind === 'resume')
    expect(request).toMatchObject({
      request: { action: 'resume', trigger: 'alert', hold: 'alert:A#1', incarnation: 'life-1' },
    })
  })

  it.each([
    ['still_measured', false],
    ['not_measured', undefined],
  ] as const)('not while it is %s', (why, isOver) => {
    const world = paused()
    world.isOver = isOver
    world.wait(2 * MINUTE)
    expect(ended(world)).toEqual([])
    world.wait(10 * SECOND)
    expect(world.verdicts.filter((one) => one.kind === 'withheld')).toEqual([
      expect.objectContaining({ why }),
    ])
    world.isOver = true
    world.wait(10 * SECOND)
    expect(world.resumes()).toEqual(['A#1'])
  })

  it('not while something else holds it', () => {
    const world = paused()
    world.holds.set('budget', { sinceMs: START, reason: '' })
    world.wait(2 * MINUTE)
    expect(ended(world)).toEqual([])
    world.holds.delete('budget')
    world.wait(10 * SECOND)
    expect(world.resumes()).toEqual(['A#1'])
  })

  it('not when we did not pause it', () => {
    const world = worldOf([CURED])
    world.answers = 'over'
    world.tell(firing())
    world.wait(2 * MINUTE)
    expect(ended(world)).toEqual([])
  })

  it('also when the answer to the pause came after the end', () => {
    const lost = worldOf([CURED])
    lost.answers = 'none'
    lost.tell(firing())
    lost.wait(2 * MINUTE)
    expect(ended(lost)).toEqual([])
    lost.answers = 'done'
    lost.answer('action', 'done')
    lost.wait(MINUTE)
    expect(lost.resumes()).toEqual(['A#1'])
  })

  it('not while the answer to the pause is awaited', () => {
    const world = worldOf([CURED])
    world.answers = 'none'
    world.tell(firing())
    world.holds.set('alert:A#1', { sinceMs: START, reason: '' })
    world.wait(2 * MINUTE)
    expect(ended(world)).toEqual([])
  })

  it('also when a restart of the daemon lost the answer to the pause', () => {
    const world = worldOf([CURED])
    world.answers = 'owed'
    world.tell(firing())
    world.holds.set('alert:A#1', { sinceMs: START, reason: '' })
    world.wait(59 * SECOND)
    expect(ended(world)).toEqual([])
    world.wait(SECOND)
    expect(world.resumes()).toEqual(['A#1'])
  })

  it('is asked again when it was refused for now, and not when for ever', () => {
    const world = paused()
    world.answers = 'owed'
    world.wait(2 * MINUTE)
    ended(world)
    world.answers = 'over'
    world.wait(10 * SECOND)
    world.wait(10 * SECOND)
    expect(world.resumes()).toEqual(['A#1', 'A#1'])
  })

  it('not when more series were heard than are kept', () => {
    const world = worldOf([CURED])
    const all = Array.from({ length: MOST_SERIES + 1 }, (_, i) => ({ fingerprint: `f${i}` }))
    world.tell(...all.map(firing))
    world.wait(2 * MINUTE)
    world.tell(...all.map(resolved))
    world.wait(2 * MINUTE)
    expect(world.resumes()).toEqual([])
  })
})

describe('a pause that lasts too long', () => {
  it('is told once', () => {
    const world = worldOf([ruleOf()])
    world.tell(firing())
    for (let i = 0; i < 12; i++) {
      world.wait(5 * MINUTE)
      world.tell(firing())
    }
    expect(kinds(world).filter((kind) => kind === 'overdue')).toHaveLength(1)
  })
})
