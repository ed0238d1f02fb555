import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { followRemains } from '../../../src/agents/remains.ts'
import type { ProcessKey } from '../../../src/platform/proc/process.ts'
import { eventually } from '../../support/child.ts'

const children: ChildProcess[] = []

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const end = once(child, 'exit')
    process.kill(-(child.pid as number), 'SIGKILL')
    await end
  }
})

/** A shell in a group of its own with a child. */
async function family(): Promise<{ root: ProcessKey; child: ProcessKey; shell: ChildProcess }> {
  const shell = spawn('sh', ['-c', 'sleep 600 & wait'], { stdio: 'ignore', detached: true })
  children.push(shell)
  await once(shell, 'spawn')
  const pid = shell.pid as number
  const child = await eventually('the shell has a child', () => {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').map(Number)
    return first === undefined || first === 0 ? undefined : first
  })
  return { root: keyOf(pid), child: keyOf(child), shell }
}

function keyOf(pid: number): ProcessKey {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return { pid, startTime: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) }
}

async function pidsOf(root: ProcessKey, keys: readonly ProcessKey[]): Promise<number[] | undefined> {
  const followed = followRemains(root, keys, '/proc')
  try {
    return (await followed.snapshot())?.processes.map(({ pid }) => pid)
  } finally {
    followed.close()
  }
}

describe.runIf(process.platform === 'linux')('what is left of a tree', () => {
  it('is who was written down and lives, under the name of the root that has ended', async () => {
    const { root, child } = await family()
    const gone = { pid: root.pid, startTime: root.startTime - 1 }
    const followed = followRemains(gone, [gone, child], '/proc')
    const tree = await followed.snapshot()
    followed.close()
    expect(tree?.root).toEqual(gone)
    expect(tree?.processes).toMatchObject([child])
  })

  it('holds also whom those have started since', async () => {
    const { root, child } = await family()
    expect(await pidsOf(root, [root])).toEqual([root.pid, child.pid])
  })

  it('is nobody who only bears the number of one of them', async () => {
    const { root, child } = await family()
    const other = { ...child, startTime: child.startTime + 1 }
    expect(await pidsOf(root, [other])).toBeUndefined()
    expect(await pidsOf(root, [])).toBeUndefined()
  })

  it('is nothing any more once all of it has ended', async () => {
    const { root, child, shell } = await family()
    const followed = followRemains(root, [root, child], '/proc')
    expect((await followed.snapshot())?.processes).toHaveLength(2)
    const end = once(shell, 'exit')
    process.kill(-root.pid, 'SIGKILL')
    await end
    await eventually('nothing is left', async () =>
      (await followed.snapshot()) === undefined ? true : undefined,
    )
    followed.close()
  })
})
