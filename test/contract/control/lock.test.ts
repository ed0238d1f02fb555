import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createActingLock } from '../../../src/control/lock.ts'
import { holdersOf } from '../../../src/control/lock-holder.ts'
import type { ActingLock } from '../../../src/control/model.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import type { Log } from '../../../src/platform/log.ts'
import { eventually } from '../../support/child.ts'

const MODULE = join(import.meta.dirname, '../../../src/control/lock.ts')
const name = `test-${process.pid}`

const open: ActingLock[] = []
afterEach(async () => {
  for (const lock of open.splice(0)) await lock.stop()
})

function setUp(more: { readonly name?: string; readonly uid?: number } = {}) {
  const lines: string[] = []
  const note = (message: string): void => void lines.push(message)
  const log: Log = { debug: note, info: note, warn: note, error: note }
  const lock = createActingLock({ name, uid: 4_000_000, clock: systemClock, log, ...more })
  open.push(lock)
  return { lock, lines }
}

/** Another daemon that holds the lock until it is killed. */
async function otherProcess() {
  const source = `
    import { createActingLock } from ${JSON.stringify(MODULE)}
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const clock = { setTimer: (ms, run) => { const t = setTimeout(run, ms); return { cancel: () => clearTimeout(t) } } }
    const lock = createActingLock({ name: ${JSON.stringify(name)}, uid: 4000000, clock, log })
    await lock.start()
    console.log(lock.isHeld())
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [text] = await once(child.stdout, 'data')
  return { child, held: String(text).trim() }
}

describe.runIf(process.platform === 'linux')('the acting lock of this host', () => {
  it('is held by one of two, and goes to the other when it is let go of', async () => {
    const one = setUp()
    const two = setUp()
    await one.lock.start()
    await two.lock.start()
    expect([one.lock.isHeld(), two.lock.isHeld()]).toEqual([true, false])
    expect(two.lines).toEqual(['this daemon only observes: another one has the lock'])
    await one.lock.stop()
    await eventually('the second daemon acts', async () => two.lock.isHeld() || undefined)
    expect([one.lock.isHeld(), two.lines.at(-1)]).toEqual([false, 'this daemon acts from now on'])
  })

  it('is free in the moment its daemon is killed', async () => {
    const { child, held } = await otherProcess()
    expect(held).toBe('true')
    const { lock } = setUp()
    await lock.start()
    expect(lock.isHeld()).toBe(false)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await eventually('the lock is taken over', async () => lock.isHeld() || undefined)
  })

  it('is another one for another user and another name', async () => {
    const locks = [setUp(), setUp({ name: `${name}-b` })]
    // Without a name it is the user's: a name that looks like a uid is not it.
    const uid = 4_000_001
    const user = createActingLock({ uid, clock: systemClock, log: setUp().lines as unknown as Log })
    open.push(user)
    for (const { lock } of locks) await lock.start()
    await user.start()
    const alike = setUp({ name: String(uid) })
    await alike.lock.start()
    expect([...locks, alike].map(({ lock }) => lock.isHeld())).toEqual([true, true, true])
    expect(user.isHeld()).toBe(true)
  })

  it('hangs up on whoever connects, and stays held', async () => {
    const { lock } = setUp()
    await lock.start()
    const socket = connect(`\0agent-exporter-lock-${name}`)
    await once(socket, 'close')
    expect(lock.isHeld()).toBe(true)
  })

  it('knows the user of whoever has it', async () => {
    const { lock } = setUp()
    await lock.start()
    const address = `\0agent-exporter-lock-${name}`
    expect([...(await holdersOf(address))]).toEqual([process.geteuid?.()])
    expect((await holdersOf(`${address}-x`)).size).toBe(0)
  })
})
