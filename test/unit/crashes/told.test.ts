import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCrashHistory } from '../../../src/crashes/history.ts'
import type { Teller } from '../../../src/crashes/report.ts'
import { crashRecord } from '../../support/crash-records.ts'
import { createRoom } from './room.ts'

let room: ReturnType<typeof createRoom>
beforeEach(async () => {
  room = createRoom()
  await room.crashes.start()
})
afterEach(() => room.crashes.stop())

const nobody: Teller = { name: 'anonymous', origin: '', credit: 'alleged', isHere: true }
const operator: Teller = { name: 'control', origin: '', credit: 'told', isHere: true }
const far: Teller = { name: 'far', origin: 'far', credit: 'told', isHere: false }
const score = () => room.crashes.insights(() => true).healthScore
const lifeAt = (pid: number) => `11111111-2222-4333-8444-555555555555:4026531836:${pid}:${pid}0`

/** A process agent that the kernel says is running. */
function running(id: string, pid = 77) {
  room.host.running.add(pid)
  return room.process(id, pid)
}

describe('what is told of an agent that lives', () => {
  it('is kept as alleged, and changes neither counts nor health, whoever tells it', async () => {
    running('p')
    for (const teller of [nobody, operator]) {
      const { record } = await room.crashes.report({ agentName: 'p', signal: 'SIGSEGV' }, teller)
      expect(record?.witness).toBe('alleged')
    }
    expect(score()).toBe(100)
    expect(room.crashed).toEqual([])
    expect(room.crashes.describe('p')).toEqual({ crashes: 0 })
    expect(room.crashes.list().map(({ witness }) => witness)).toEqual(['alleged'])
  })

  it('does not decide how it will be said to have ended', async () => {
    const agent = running('p')
    room.crashes.tellExit(agent, { by: 'parent', exitCode: 0 })
    expect(room.crashes.size()).toMatchObject({ told: 0 })
    room.host.running.clear()
    room.exit(agent)
    await room.pass(3_000)
    expect(room.ended).toEqual(['p unknown'])
  })

  it('is nothing that an agent in a container can say of its end beforehand', async () => {
    const { agent } = room.container('box')
    room.host.covered = undefined
    room.crashes.tellExit(agent, { by: 'report', exitCode: 0 })
    room.exit(agent)
    await room.pass(3_000)
    expect(room.ended).toEqual(['box unknown'])
  })

  it('is alleged also where the root has gone and the program below it goes on', async () => {
    room.process('p')
    const told = room.crashes.report({ agentName: 'p', exitCode: 3 }, operator)
    await room.pass(7_000)
    expect((await told).record?.witness).toBe('alleged')
    expect(score()).toBe(100)
  })

  it('is no lie about the life before', async () => {
    await room.pass(10_000)
    running('p')
    const crashedAt = new Date(room.clock.now() - 5_000).toISOString()
    const { record } = await room.crashes.report({ agentName: 'p', exitCode: 3, crashedAt }, operator)
    expect(record?.witness).toBe('told')
    expect(room.crashed).toEqual(['p error'])
  })
})

describe('what is told of an end that is seen here', () => {
  it('is one witness more, and the crash is one', async () => {
    const agent = running('p')
    room.host.running.clear()
    const told = room.crashes.report({ agentName: 'p', exitCode: 3, lastOutput: 'bye' }, nobody)
    await room.pass(500)
    room.exit(agent)
    await room.pass(3_000)
    const { record } = await told
    expect(record).toMatchObject({ witness: 'seen', exitCode: 3, lastOutput: 'bye' })
    expect(record?.verdict.confidence).toBe('medium')
    expect(room.crashes.list()).toHaveLength(1)
    expect(room.crashed).toEqual(['p error'])
  })

  it('is overruled by who waited for it, whoever spoke first', async () => {
    const waited = { by: 'parent', signal: 'SIGSEGV' } as const
    const says = { by: 'report', exitCode: 0 } as const
    for (const [first, second] of [[says, waited] as const, [waited, says] as const]) {
      const agent = room.process('p', 100 + room.crashed.length)
      room.crashes.tellExit(agent, first)
      room.exit(agent)
      room.crashes.tellExit(agent, second)
      await room.pass(3_000)
    }
    expect(room.crashed).toEqual(['p segfault', 'p segfault'])
  })

  it('makes no crash of an end that was seen to be none', async () => {
    const agent = room.process('p')
    room.crashes.tellExit(agent, { by: 'parent', exitCode: 0 })
    room.exit(agent)
    await room.pass(3_000)
    for (const teller of [nobody, operator]) {
      const told = await room.crashes.report({ agentName: 'p', signal: 'SIGSEGV' }, teller)
      expect(told).toMatchObject({ record: undefined, verdict: { reason: 'clean' } })
    }
    expect(room.crashes.list()).toEqual([])
  })

  it('never changes what was seen, nor mixes it with an agent of the same name elsewhere', async () => {
    const agent = room.process('p')
    room.crashes.tellExit(agent, { by: 'parent', exitCode: 3 })
    room.exit(agent)
    await room.pass(3_000)
    const before = room.crashes.list()
    await room.crashes.report({ agentName: 'p', signal: 'SIGSEGV', lastOutput: 'lies' }, nobody)
    expect(room.crashes.list()).toEqual(before)
    await room.crashes.report({ agentName: 'p', signal: 'SIGSEGV' }, far)
    expect(room.crashes.list().map(({ origin }) => origin)).toEqual([before[0]!.origin, 'far'])
    expect(room.crashes.describe('p')).toMatchObject({ crashes: 1, lastCrash: { cause: 'error' } })
  })
})

describe('the end of a process that was never seen', () => {
  const told = { by: 'parent', exitCode: 1 } as const

  it('is a crash by the word of who waited for it, once', async () => {
    const life = { agent: 'quick', incarnation: lifeAt(500), role: 'coder' }
    expect(room.crashes.tellUnseen(life, told)).toBe(true)
    expect(room.crashes.tellUnseen(life, told)).toBe(true)
    await room.pass(3_000)
    expect(room.crashed).toEqual(['quick error'])
    expect(room.crashes.list()[0]).toMatchObject({ pid: 500, role: 'coder', witness: 'told' })
    expect(room.crashes.describe('quick')).toMatchObject({ lastEnd: { reason: 'crashed', exitCode: 1 } })
    // It was found after all, in its last moment.
    room.exit(room.process('quick', 500))
    await room.pass(3_000)
    expect(room.ended).toEqual(['quick crashed'])
  })

  it('is told apart from the next life of the same name', async () => {
    const first = room.process('p', 600)
    room.exit(first)
    room.host.running.add(601)
    running('p', 601)
    const life = { agent: 'p', incarnation: lifeAt(600), role: undefined }
    room.crashes.tellUnseen(life, { by: 'parent', exitCode: 3 })
    await room.pass(3_000)
    expect(room.ended).toEqual(['p crashed'])
    expect(room.crashes.list()[0]).toMatchObject({ incarnation: lifeAt(600), exitCode: 3 })
  })

  it('is believed of no process that lives, of another host, boot or namespace', async () => {
    room.host.running.add(500)
    room.crashes.tellUnseen({ agent: 'quick', incarnation: lifeAt(500), role: undefined }, told)
    for (const incarnation of [
      lifeAt(500).replace('1111', '2222'),
      lifeAt(500).replace('36:', '37:'),
      `${lifeAt(500)}:1`,
      lifeAt(500).replace('500:', '0:'),
      'x',
    ]) {
      expect(room.crashes.tellUnseen({ agent: 'quick', incarnation, role: undefined }, told)).toBe(false)
    }
    await room.pass(3_000)
    expect(room.ended).toEqual([])
  })
})

describe('many who tell', () => {
  it('are heard until it is too much, each in his own name', async () => {
    for (let n = 0; n < 500; n++) await room.crashes.report({ agentName: `a-${n}`, exitCode: 1 }, nobody)
    const more = { agentName: 'more', exitCode: 1 }
    await expect(room.crashes.report(more, nobody)).rejects.toThrow('Too many crashes')
    expect((await room.crashes.report(more, far)).record?.witness).toBe('told')
    await room.pass(20_000)
    expect((await room.crashes.report(more, nobody)).record?.witness).toBe('alleged')
  })

  it('never push out what was seen, and push out their own first', () => {
    const history = createCrashHistory(() => 100)
    const put = (id: string, more: object) => history.put(crashRecord({ id, ...more }))
    for (let n = 0; n < 75; n++) put(`seen-${n}`, {})
    for (let n = 0; n < 10; n++) put(`near-${n}`, { witness: 'told', origin: 'near' })
    for (let n = 0; n < 1_000; n++) put(`loud-${n}`, { witness: 'told', origin: 'loud' })
    for (let n = 0; n < 1_000; n++) put(`liar-${n}`, { witness: 'alleged' })
    const left = (start: string) => history.list().filter(({ id }) => id.startsWith(start)).length
    expect([left('seen'), left('near'), left('loud') + left('liar')]).toEqual([75, 10, 15])
    for (let n = 0; n < 100; n++) put(`late-${n}`, {})
    expect(history.list()).toHaveLength(100)
    expect(left('late')).toBeGreaterThanOrEqual(75)
  })
})
