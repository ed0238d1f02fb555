import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { type Child, eventually, startChild } from '../support/child.ts'
import { containerGroup } from '../support/container-look.ts'
import { cleanEnvironment } from '../support/daemon.ts'
import { type Dockerd, describeWithDockerd, startDockerd } from '../support/dockerd.ts'
import { temporaryFolder } from '../support/folder.ts'
import { containerMemory, leakScript } from '../support/leak.ts'

const MIB = 2 ** 20
interface Health {
  readonly checks: { readonly memory: { readonly oomImminentAgents: number } }
}

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
    onTestFinished(async () => void (await child.stop('SIGKILL')))
    return child
  }

  it('is paused once, also over a restart of the daemon, and ended at the deadline', async () => {
    const folder = temporaryFolder()
    onTestFinished(() => folder[Symbol.dispose]())
    const start = async () => {
      const dataDir = `${folder.path}/data`
      const config = { memory, control: { cooldown: '1s', grace: '1s' } }
      const daemon = await startActingDaemon({ dataDir, config })
      onTestFinished(() => daemon[Symbol.asyncDispose]())
      return daemon
    }
    const first = await start()
    const id = `leaky-${process.pid}`
    const child = await leak(id)
    const registration = { id, runtime: { pid: child.pid }, budget: { maxTokensConsumed: 1e9 } }
    expect((await first.call('POST', '/api/v1/agents', registration)).status).toBeLessThan(300)
    await isDone(first, id, 'pause memory done')
    expect(readFileSync(`/proc/${child.pid}/stat`, 'utf8')).toMatch(/\) T /)
    const told = await first.call('GET', `/api/v1/agents/${id}`)
    expect(told.body).toMatchObject({ memory: { level: 'oom_imminent' } })
    const { body: health } = await first.call<Health>('GET', '/health')
    // Other agents may run on this machine.
    expect(health.checks.memory.oomImminentAgents).toBeGreaterThanOrEqual(1)
    await first.stop()

    const second = await start()
    await isDone(second, id, 'terminate memory done')
    expect(await deeds(second, id)).toEqual(['pause memory done', 'terminate memory done'])
    expect((await child.exit()).signal).not.toBeNull()
  })

  it('is only written down of an agent that nobody put under enforcement', async () => {
    const daemon = await startActingDaemon({ config: { memory } })
    onTestFinished(() => daemon[Symbol.asyncDispose]())
    const id = `free-${process.pid}`
    const child = await leak(id)
    await isDone(daemon, id, 'pause memory dry_run')
    expect(readFileSync(`/proc/${child.pid}/stat`, 'utf8')).not.toMatch(/\) T /)
    expect(child.ended).toBeUndefined()
  })
})

describeWithDockerd('memory of a container near its limit (R06)', () => {
  /** Far enough above what is acted on that also a busy machine has seconds to act. */
  const LIMIT = 256 * MIB

  async function leaking(dockerd: Dockerd, daemon: ActingDaemon, id: string) {
    const running = await dockerd.runContainer({
      labels: { 'agent-exporter.agent': id, 'agent-exporter.enforce': 'true' },
      ...{ memory: LIMIT, script: `sleep 2; ${leakScript(10)}` },
    })
    onTestFinished(async () => {
      await running.container.unpause().catch(() => undefined)
      await running.container.remove({ force: true })
    })
    const memory = containerMemory(running.pid)
    return { memory, group: containerGroup(running.pid), daemon, id }
  }

  async function start(actions: object): Promise<{ dockerd: Dockerd; daemon: ActingDaemon }> {
    const dockerd = await startDockerd()
    onTestFinished(() => dockerd[Symbol.asyncDispose]())
    const daemon = await startActingDaemon({
      config: { memory: { actions, limitRatios: { warning: 0.3, critical: 0.35, oomImminent: 0.4 } } },
      env: { DOCKER_HOST: `unix://${dockerd.socketPath}` },
    })
    onTestFinished(() => daemon[Symbol.asyncDispose]())
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
    const { dockerd, daemon } = await start({ critical: 'resize', resizeFactor: 4, maxMemoryBytes: '512MiB' })
    const { memory } = await leaking(dockerd, daemon, 'boxed')
    await isDone(daemon, 'boxed', 'resize memory done')
    expect(memory.limitBytes()).toBe(2 * LIMIT)
    expect(memory.oomKills()).toBe(0)
  })
})
