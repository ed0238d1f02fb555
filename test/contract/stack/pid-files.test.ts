import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { lockFolder } from '../../../scripts/stack/lock.ts'
import { endLeftovers, identify, writePidFile } from '../../../scripts/stack/pid-files.ts'
import { temporaryFolder } from '../../support/folder.ts'

async function sleeper() {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' })
  await once(child, 'spawn')
  return {
    pid: child.pid!,
    ended: once(child, 'exit'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

it('ends what an earlier start left, and says so', async () => {
  using folder = temporaryFolder()
  await using left = await sleeper()
  writePidFile(folder.path, 'prometheus', left.pid)
  expect(await endLeftovers(folder.path)).toEqual(['prometheus'])
  expect(await left.ended).toEqual([null, 'SIGTERM'])
  expect(existsSync(join(folder.path, 'prometheus.pid'))).toBe(false)
})

it('never ends another process that has the number now', async () => {
  using folder = temporaryFolder()
  await using stranger = await sleeper()
  const { started } = identify(stranger.pid)!
  const other = { pid: stranger.pid, started: `${started}1` }
  writeFileSync(join(folder.path, 'prometheus.pid'), JSON.stringify(other))
  expect(await endLeftovers(folder.path)).toEqual([])
  expect(identify(stranger.pid)).toEqual({ pid: stranger.pid, started })
})

it.each(['', 'x', '{}', '{"pid":1,"started":"x"}', '{"pid":-1,"started":"x"}'])(
  'passes over a file with %j',
  async (text) => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'exporter.pid'), text)
    expect(await endLeftovers(folder.path)).toEqual([])
    expect(existsSync(join(folder.path, 'exporter.pid'))).toBe(false)
  },
)

it('a folder has one stack at a time', () => {
  using folder = temporaryFolder()
  const first = lockFolder(folder.path)
  expect(first).toBeDefined()
  expect(lockFolder(folder.path)).toBeUndefined()
  first?.[Symbol.dispose]()
  using again = lockFolder(folder.path)
  expect(again).toBeDefined()
})
