import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bracket, disagreements, processInfo, processOracle, seriesOf } from '../support/agent-oracle.ts'
import { eventually } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { type ProcTruth, procTruth, pssTruth } from '../support/proc-truth.ts'
import { type AgentProcess, type Shape, startAgent } from '../support/processes.ts'

/** A runtime that collects garbage moves its memory between any two readings. */
const MOVING_MEMORY = 0.05
const MIB = 1024 * 1024

/** What is shared is divided among all who share it: any Node.js process that comes or goes moves the number. */
const PSS_SLACK_BYTES = 4 * MIB
/** The number may be a collection of a second old, and the reading in the slow lane takes a moment. */
const PSS_READINGS = 10

const id = (shape: Shape) => `truth-${shape}-${process.pid}`

describe.runIf(process.platform === 'linux')('numbers of processes equal what /proc says', () => {
  const agents = new Map<Shape, AgentProcess>()
  let daemon: Daemon
  /** The process of the tree that has ended: what a scrape has seen of it at least, and its last reading. */
  let forker: { readonly least: ProcTruth; readonly most: ProcTruth }

  async function start(shape: Shape, more: { readonly stays?: true } = {}): Promise<AgentProcess> {
    const agent = await startAgent(shape, { id: id(shape), role: 'coder', ...more })
    agents.set(shape, agent)
    return agent
  }

  beforeAll(async () => {
    // Its children have ended before the daemon could see them: they are in no other number than `cutime`.
    await start('spent')
    daemon = await startDaemon()
    // The orphan can be told to belong to the agent only while the one that began its session lives.
    const { pids } = await start('tree', { stays: true })
    const leader = pids['forker'] as number
    await eventually('all of the tree are seen', async () => {
      const text = await daemon.scrape('openmetrics')
      return seriesOf(text, id('tree')).get('agent_processes') === 7 || undefined
    })
    const { before: least } = await bracket(daemon, () => procTruth([leader]))
    process.kill(leader, 'SIGTERM')
    let most = least
    await eventually(
      'the leader of the session has ended',
      () => {
        try {
          most = procTruth([leader])
          return undefined
        } catch {
          return true
        }
      },
      30_000,
      5,
    )
    forker = { least, most }
    for (const shape of ['idle', 'cpu', 'resident', 'threads', 'wrapper'] as const) await start(shape)
    await eventually('all are found', async () => {
      const text = await daemon.scrape('openmetrics')
      return [...agents.keys()].every((shape) => seriesOf(text, id(shape)).size > 0) || undefined
    })
  })

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    for (const agent of agents.values()) await agent.stop()
  })

  /** Its live processes by what they announced; the daemon must find them on its own. */
  function pidsOf(shape: Shape): readonly number[] {
    const { pid, pids } = agents.get(shape)!
    return [pid, ...Object.values(pids).filter((one) => one !== pid && one !== pids['forker'])]
  }

  async function measure(shape: Shape) {
    const pids = pidsOf(shape)
    const { before, text, after } = await bracket(daemon, () => procTruth(pids))
    const info = processInfo(pids[0] as number, { name: id(shape), role: 'coder', vendor: 'claude' })
    return { before, after, info, series: seriesOf(text, id(shape)) }
  }

  it('have the shapes that they are named after', () => {
    expect(procTruth(pidsOf('resident')).rssBytes).toBeGreaterThan(300 * MIB)
    expect(procTruth(pidsOf('threads')).threads).toBeGreaterThan(20)
    expect(procTruth(pidsOf('tree')).processes).toBe(6)
    expect(procTruth(pidsOf('wrapper')).processes).toBe(2)
    const spent = procTruth(pidsOf('spent'))
    expect(spent.userSeconds + spent.systemSeconds).toBeGreaterThan(spent.ownCpuSeconds + 0.5)
    expect(parentOf(agents.get('tree')?.pids['orphan'] as number)).not.toBe(agents.get('tree')?.pid)
  })

  it.each(['idle', 'resident', 'threads', 'wrapper', 'spent'] as const)('%s: all exactly', async (shape) => {
    const { series, ...truth } = await measure(shape)
    expect(disagreements(series, processOracle(truth))).toEqual([])
  })

  it('burning CPU: between the readings before and after, memory within 5 %', async () => {
    const { series, ...truth } = await measure('cpu')
    expect(truth.before.userSeconds).toBeGreaterThan(1)
    expect(disagreements(series, processOracle({ ...truth, memorySlack: MOVING_MEMORY }))).toEqual([])
  })

  it('deep tree with an orphan and a member that has ended: all exactly', async () => {
    const { series, ...truth } = await measure('tree')
    expect(disagreements(series, processOracle({ ...truth, ended: forker }))).toEqual([])
  })

  it('two agents in one session are two, and neither has what is the other’s', async () => {
    const [idle, cpu] = [agents.get('idle')!.pid, agents.get('cpu')!.pid]
    expect(sessionOf(idle)).toBe(sessionOf(cpu))
    const { text } = await bracket(daemon, () => undefined)
    expect(seriesOf(text, id('idle')).get('agent_processes')).toBe(1)
    expect(seriesOf(text, id('cpu')).get('agent_processes')).toBe(1)
  })

  it('proportional memory comes within a minute and lies between what was true around its reading', async () => {
    const [pid] = pidsOf('resident') as [number]
    let truth = [pssTruth([pid])]
    const pss = await eventually(
      'a proportional set size',
      async () => {
        truth = [...truth.slice(-PSS_READINGS), pssTruth([pid])]
        return seriesOf(await daemon.scrape('openmetrics'), id('resident')).get('agent_memory_pss_bytes')
      },
      90_000,
      500,
    )
    expect(pss).toBeGreaterThan(Math.min(...truth) - PSS_SLACK_BYTES)
    expect(pss).toBeLessThan(Math.max(...truth) + PSS_SLACK_BYTES)
  })
})

function statField(pid: number, field: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field - 3])
}
const parentOf = (pid: number) => statField(pid, 4)
const sessionOf = (pid: number) => statField(pid, 6)
