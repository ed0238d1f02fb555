import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { chase, type Quarry } from '../../../src/platform/proc/chase.ts'
import type { ProcessKey } from '../../../src/platform/proc/process.ts'
import { eventually } from '../../support/child.ts'
import { type HostileTree, startTree } from '../../support/hostile-trees.ts'

const trees: HostileTree[] = []
afterEach(async () => {
  for (const tree of trees.splice(0)) await tree.end()
})

/** A relay whose every process leads a session of its own, and how to tell it. */
async function startHop(): Promise<{ tree: HostileTree; quarry: Quarry }> {
  const tree = await startTree('hop', { agent: 'hopper' })
  trees.push(tree)
  await eventually('it hops', () => tree.living().length > 1 || undefined, 20_000, 2)
  const environment = readFileSync(`/proc/${tree.pid}/environ`, 'latin1').split('\0')
  const incarnation = environment.find((line) => line.startsWith('AGENT_EXPORTER_INCARNATION='))!.slice(27)
  const marks = { AGENT_EXPORTER_AGENT: 'hopper', AGENT_EXPORTER_INCARNATION: incarnation }
  return { tree, quarry: { marks, since: tree.startTime, uid: process.getuid!() } }
}

function run(quarry: Quarry, root = '/proc'): ProcessKey[] {
  return chase(quarry, {
    root,
    quietMs: 30,
    mostMs: 500,
    seize({ pid }) {
      try {
        process.kill(pid, 'SIGSTOP')
        return true
      } catch {
        return false
      }
    },
  })
}

const stateOf = (pid: number) => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1]

/** On a busy machine who was told to stop does so when it has its turn. */
const stopped = (tree: HostileTree) =>
  eventually('all of it is stopped', () => tree.living().every((pid) => stateOf(pid) === 'T') || undefined)

describe('running after what forks and exits', () => {
  it('catches a relay that has a new session at each step, every time', async () => {
    for (let time = 0; time < 10; time++) {
      const { tree, quarry } = await startHop()
      // Its root works on all the time and would fill the file.
      process.kill(tree.pid, 'SIGSTOP')
      // On a busy machine the relay may not have had its turn in the first look.
      await eventually('it is caught', () => run(quarry).length > 0 || undefined, 20_000, 1)
      await stopped(tree)
      const work = tree.work()
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(tree.work()).toBe(work)
    }
  })

  it('touches nobody who bears another mark, is older, or belongs to another user', async () => {
    const { tree, quarry } = await startHop()
    const others: Quarry[] = [
      { ...quarry, marks: { ...quarry.marks, AGENT_EXPORTER_INCARNATION: 'another:life:1:2' } },
      { ...quarry, marks: { ...quarry.marks, AGENT_EXPORTER_AGENT: 'another' } },
      { ...quarry, since: Number.MAX_SAFE_INTEGER },
      // Root may mark what it likes, so only for others is the user a reason.
      ...(quarry.uid === 0 ? [] : [{ ...quarry, uid: quarry.uid + 1 }]),
    ]
    for (const other of others) expect(run(other)).toEqual([])
    const work = tree.work()
    await eventually('it goes on', () => tree.work() > work || undefined)
  })

  it('ends at once where the kernel tells no numbers', async () => {
    const { quarry } = await startHop()
    expect(run(quarry, '/nowhere')).toEqual([])
  })
})
