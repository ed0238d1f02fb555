import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type Shape, startAgent } from '../../support/processes.ts'

const status = (pid: number, key: string) =>
  Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

// The tests of the exporter lean on these shapes: they must be what they claim before anything is measured with them.
for (const shape of ['idle', 'cpu', 'resident', 'threads'] as const satisfies readonly Shape[]) {
  it(`an agent of shape ${shape} is what it claims and leaves nothing behind`, async () => {
    const agent = await startAgent(shape)
    const argv = readFileSync(`/proc/${agent.pid}/cmdline`, 'utf8').split('\0')
    expect(argv[1]).toMatch(/\/claude$/)
    if (shape === 'resident') expect(status(agent.pid, 'VmRSS')).toBeGreaterThan(300 * 1024)
    if (shape === 'threads') expect(status(agent.pid, 'Threads')).toBeGreaterThanOrEqual(20)
    await agent.stop()
    expect(existsSync(`/proc/${agent.pid}`)).toBe(false)
  })
}

it('an agent of shape tree has an orphan in another session', async () => {
  // However late it is looked at, the forker is still there.
  const agent = await startAgent('tree', { stays: true })
  const parent = (pid: number) => status(pid, 'PPid')
  expect(parent(agent.pids['link3']!)).toBe(agent.pid)
  expect(parent(agent.pids['link0']!)).toBe(agent.pids['link1'])
  expect(parent(agent.pids['orphan']!)).toBe(agent.pids['forker'])
  process.kill(agent.pids['forker']!, 'SIGKILL')
  await expect.poll(() => parent(agent.pids['orphan']!)).not.toBe(agent.pids['forker'])
  await agent.stop()
  // Those that lost their parent stay zombies until PID 1 collects them.
  await expect.poll(() => Object.values(agent.pids).filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
})
