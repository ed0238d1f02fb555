import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { type Child, eventually, startChild } from '../support/child.ts'
import { containerGroup } from '../support/container-look.ts'
import { cleanEnvironment } from '../support/daemon.ts'
import { type Dockerd, describeWithDockerd, startDockerd } from '../support/dockerd.ts'
import { temporaryFolder } from '../support/folder.ts'
import { containerMemory, leakScript } from '../support/leak.ts'

const MIB = 2 ** 20
let undo: (() => unknown)[] = []
afterEach(async () => {
  for (const one of undo.reverse()) await one()
  undo = []
})

/** The lines of the journal about the agent, oldest first. */
async function deeds(daemon: ActingDaemon, agent: string): Promise<string[]> {
  const lines = await daemon.journal(agent)
  return lines.map(({ action, trigger, status }) => `${action} ${trigger} ${status}`).reverse()
}

const isDone = (daemon: ActingDaemon, agent: string, line: string) =>
  eventually(
    `${agent}: ${line}`,
    async () => (await deeds(daemon, agent)).includes(line) || undefined,
    60_000,
  )

describe('memory of a process over its thresholds (R06)', () => {
  const LEAK = `my @kept; for (1 .. 60) { push @kept, 'x' x 2e6; select(undef, undef, undef, 0.05) } sleep 600`
  const memory = {
    thresholds: { warningBytes: '40MB', criticalBytes: '60MB', oomImminentBytes: '80MB' },
    actions: { oomImminent: 'pause', pauseDeadline: '8s', afterPause: 'terminate' },
  }

  async function leak(id: string): Promise<Child> {
    const env = { ...cleanEnvironment(), AGENT_EXPORTER_AGENT: id }
    const child = await startChild('perl', ['-e', LEAK], { env })
    undo.push(() => child.stop('SIGKILL'))
    return child
  }

  it('is paused once, also over a restart of the daemon, and ended at the deadline', async () => {
    const folder = temporaryFolder()
    undo.push(() => folder[Symbol.dispose]())
    const start = async () => {
      const dataDir = `${folder.path}/data`
      const config = { memory, control: { cooldown: '1s', grace: '1s' } }
      const daemon = await startActingDaemon({ dataDir, config })
      undo.push(() => daemon[Symbol.asyncDispose]())
      return daemon
    }
    const first = await start()
    const child = await leak('leaky')
    const registration = { id: 'leaky', runtime: { pid: child.pid }, budget: { maxTokensConsumed: 1e9 } }
    expect((await first.call('POST', '/api/v1/agents', registration)).status).toBeLessThan(300)
    await isDone(first, 'leaky', 'pause memory done')
    expect(readFileSync(`/proc/${child.pid}/stat`, 'utf8')).toMatch(/\) T /)
    const told = await first.call('GET', '/api/v1/agents/leaky')
    expect(told.body).toMatchObject({ memory: { level: 'oom_imminent' } })
    const { body: health } = await first.call('GET', '/health')
    expect(health).toMatchObject({ checks: { memory: { oomImminentAgents: 1 } } })
    await first.stop()

    const second = await start()
    await isDone(second, 'leaky', 'terminate memory done')
    expect(await deeds(second, 'leaky')).toEqual(['pause memory done', 'terminate memory done'])
    expect((await child.exit()).signal).not.toBeNull()
  })

  it('is only written down of an agent that nobody put under enforcement', async () => {
    const daemon = await startActingDaemon({ config: { memory } })
    undo.push(() => daemon[Symbol.asyncDispose]())
    const child = await leak('free')
    await isDone(daemon, 'free', 'pause memory dry_run')
    expect(readFileSync(`/proc/${child.pid}/stat`, 'utf8')).not.toMatch(/\) T /)
    expect(child.ended).toBeUndefined()
  })
})

describeWithDockerd('memory of a container near its limit (R06)', () => {
  const LIMIT = 128 * MIB

  async function leaking(dockerd: Dockerd, daemon: ActingDaemon, id: string) {
    const running = await dockerd.runContainer({
      labels: { 'agent-exporter.agent': id, 'agent-exporter.enforce': 'true' },
      ...{ memory: LIMIT, script: `sleep 2; ${leakScript(10)}` },
    })
    undo.push(async () => {
      await running.container.unpause().catch(() => undefined)
      await running.container.remove({ force: true })
    })
    const memory = containerMemory(running.pid)
    return { memory, group: containerGroup(running.pid), daemon, id }
  }

  async function start(actions: object): Promise<{ dockerd: Dockerd; daemon: ActingDaemon }> {
    const dockerd = await startDockerd()
    undo.push(() => dockerd[Symbol.asyncDispose]())
    const daemon = await startActingDaemon({
      config: { memory: { actions, limitRatios: { warning: 0.5, critical: 0.6, oomImminent: 0.7 } } },
      env: { DOCKER_HOST: `unix://${dockerd.socketPath}` },
    })
    undo.push(() => daemon[Symbol.asyncDispose]())
    return { dockerd, daemon }
  }

  it('makes the daemon pause it before the kernel kills in it', async () => {
    const { dockerd, daemon } = await start({ oomImminent: 'pause' })
    const { memory, group } = await leaking(dockerd, daemon, 'boxed')
    await isDone(daemon, 'boxed', 'pause memory done')
    expect(group.isFrozen()).toBe(true)
    expect(memory.oomKills()).toBe(0)
    expect(memory.usedBytes()).toBeLessThan(LIMIT)
  })

  it('makes the daemon resize it before the kernel kills in it, up to the cap', async () => {
    const { dockerd, daemon } = await start({ critical: 'resize', resizeFactor: 4, maxMemoryBytes: '256MiB' })
    const { memory } = await leaking(dockerd, daemon, 'boxed')
    await isDone(daemon, 'boxed', 'resize memory done')
    expect(memory.limitBytes()).toBe(2 * LIMIT)
    expect(memory.oomKills()).toBe(0)
  })
})
