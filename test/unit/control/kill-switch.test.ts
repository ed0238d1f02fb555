import { EventEmitter } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKillSwitch, engageOnSignal } from '../../../src/control/kill-switch.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/folder.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder[Symbol.dispose]())

function setUp(path = join(folder.path, 'STOP')) {
  const clock = fakeClock()
  const killSwitch = createKillSwitch({ path, clock, log: silentLog })
  const told: boolean[] = []
  killSwitch.onChange((engaged) => void told.push(engaged))
  return { path, clock, killSwitch, told }
}

describe('kill switch', () => {
  it('is released while there is no file', () => {
    const { killSwitch } = setUp()
    expect([killSwitch.isEngaged(), killSwitch.describe()]).toEqual([false, { engaged: false }])
  })

  it('writes who engaged it, when and why, for the owner only', () => {
    const { path, clock, killSwitch } = setUp()
    killSwitch.engage('alice', 'runaway\nby mallory')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(3)
    const expected = {
      engaged: true,
      actor: 'alice',
      reason: 'runaway\ufffdby mallory',
      sinceMs: clock.now(),
    }
    expect(killSwitch.describe()).toEqual(expected)
    expect(setUp().killSwitch.describe()).toEqual(expected)
    killSwitch.release('alice')
    expect([killSwitch.isEngaged(), existsSync(path)]).toEqual([false, false])
  })

  it('is seen at once by whoever is about to act, and told within a second', () => {
    const { path, clock, killSwitch, told } = setUp()
    killSwitch.start()
    writeFileSync(path, '')
    expect(killSwitch.isEngaged()).toBe(true)
    clock.advance(1_000)
    expect(told).toEqual([true])
    expect(killSwitch.describe()).toEqual({ engaged: true, sinceMs: expect.any(Number) })
    rmSync(path)
    clock.advance(1_000)
    expect(told).toEqual([true, false])
    killSwitch.stop()
    writeFileSync(path, '')
    clock.advance(10_000)
    expect(told).toEqual([true, false])
  })

  it('tells its own changes at once', () => {
    const { killSwitch, told } = setUp()
    killSwitch.start()
    killSwitch.engage('alice')
    killSwitch.engage('bob')
    killSwitch.release('alice')
    expect(told).toEqual([true, false])
  })

  it('is engaged by a link that leads nowhere, and reads nothing through a link', () => {
    const { path, killSwitch } = setUp()
    symlinkSync('/nowhere/at/all', path)
    expect(killSwitch.describe()).toEqual({ engaged: true })
    killSwitch.release('alice')
    symlinkSync('/proc/self/environ', path)
    expect(killSwitch.describe()).toEqual({ engaged: true })
  })

  it('is engaged where nobody can look', () => {
    const gone = setUp(join(folder.path, 'gone', 'STOP'))
    expect(gone.killSwitch.isEngaged()).toBe(true)
    writeFileSync(join(folder.path, 'file'), '')
    expect(setUp(join(folder.path, 'file', 'STOP')).killSwitch.isEngaged()).toBe(true)
    symlinkSync('loop', join(folder.path, 'loop'))
    expect(setUp(join(folder.path, 'loop', 'STOP')).killSwitch.isEngaged()).toBe(true)
    expect(setUp(join(folder.path, 'x'.repeat(300))).killSwitch.isEngaged()).toBe(true)
  })

  it('is engaged in memory when the file cannot be written, and cannot be released there', () => {
    const dir = join(folder.path, 'data')
    mkdirSync(dir)
    const { clock, killSwitch } = setUp(join(dir, 'STOP'))
    rmSync(dir, { recursive: true })
    expect(() => killSwitch.engage('alice', 'stop')).toThrow(/cannot be written \(ENOENT\)/)
    expect(() => killSwitch.release('alice')).toThrow('stays engaged')
    expect(killSwitch.isEngaged()).toBe(true)
    expect(() => killSwitch.engage('alice', 'stop')).toThrow()
    mkdirSync(dir)
    expect(killSwitch.describe()).toEqual({
      engaged: true,
      actor: 'alice',
      reason: 'stop',
      sinceMs: clock.now(),
    })
    killSwitch.release('alice')
    expect(killSwitch.isEngaged()).toBe(false)
  })

  it('stays engaged when something that is no file stands in its place', () => {
    const { path, killSwitch } = setUp()
    mkdirSync(path)
    chmodSync(path, 0o700)
    expect(killSwitch.describe()).toEqual({ engaged: true })
    expect(() => killSwitch.release('alice')).toThrow('stays engaged')
    expect(killSwitch.isEngaged()).toBe(true)
  })

  it('a listener that fails does not keep the news from the others', () => {
    const { killSwitch } = setUp()
    const told: boolean[] = []
    killSwitch.onChange(() => {
      throw new Error('mine')
    })
    killSwitch.onChange((engaged) => void told.push(engaged))
    killSwitch.engage('alice')
    expect(told).toEqual([true])
  })
})

describe('SIGUSR2', () => {
  it('engages, never releases, and is let go of', () => {
    const { killSwitch } = setUp()
    const signals = new EventEmitter() as unknown as NodeJS.Process
    const off = engageOnSignal(killSwitch, silentLog, signals)
    signals.emit('SIGUSR2', 'SIGUSR2')
    expect(killSwitch.describe()).toMatchObject({ engaged: true, actor: 'SIGUSR2' })
    signals.emit('SIGUSR2', 'SIGUSR2')
    expect(killSwitch.isEngaged()).toBe(true)
    off()
    expect(signals.listenerCount('SIGUSR2')).toBe(0)
  })

  it('engages in memory where the file cannot be written', () => {
    const { killSwitch } = setUp(join(folder.path, 'gone', 'STOP'))
    const signals = new EventEmitter() as unknown as NodeJS.Process
    engageOnSignal(killSwitch, silentLog, signals)
    expect(() => signals.emit('SIGUSR2', 'SIGUSR2')).not.toThrow()
    expect(killSwitch.describe()).toMatchObject({ engaged: true, actor: 'SIGUSR2' })
  })
})
