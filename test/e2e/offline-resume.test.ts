import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { BIN, cleanEnvironment } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type HostileTree, startTree } from '../support/hostile-trees.ts'
import { mayOwnNetwork, ownNetwork } from '../support/own-network.ts'
import { findService } from '../support/services.ts'

/** A kill comes in the middle of a pause in most tries, not in all. */
const TRIES = 20
const CHECK_EVERY_MS = 1_000

function stateOf(pid: number): string | undefined {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  } catch {
    return undefined
  }
}

const stoppedOf = (tree: HostileTree) => tree.living().filter((pid) => stateOf(pid) === 'T')

function statusOfPause(dataDir: string, agent: string): unknown {
  const db = new DatabaseSync(join(dataDir, 'agent-exporter.db'))
  try {
    const where = `agent = ? and action = 'pause' order by id desc limit 1`
    return db.prepare(`select status from control_actions where ${where}`).get(agent)?.['status']
  } finally {
    db.close()
  }
}

it('resume without a daemon that was killed in the midst of a pause leaves nobody stopped', async () => {
  using folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  const control = { lock: `offline-${process.pid}` }
  const config = { control, resourceExhaustion: { checkIntervalMs: CHECK_EVERY_MS } }
  const file = join(folder.path, 'config.yaml')
  writeFileSync(file, stringify(config))
  // Whoever listens at the usual address of this machine is not ours.
  await using network = findService('ip') !== undefined && mayOwnNetwork() ? await ownNetwork() : undefined
  const [enter = 'env', ...entering] = network?.enter ?? []
  const agentExporter = (...args: string[]) =>
    spawnSync(
      enter,
      [...entering, process.execPath, BIN, ...args, `--data.dir=${dataDir}`, `--config.file=${file}`],
      {
        env: { ...cleanEnvironment(), XDG_CONFIG_HOME: folder.path },
        encoding: 'utf8',
      },
    )

  for (let attempt = 1; ; attempt++) {
    const id = `halved-${attempt}`
    await using tree = await startTree('burning')
    {
      await using daemon = await startActingDaemon({ dataDir, config })
      const agent = { id, runtime: { pid: tree.pid }, budget: { maxApiCalls: 10 } }
      expect((await daemon.call('POST', '/api/v1/agents', agent)).status).toBe(201)
      tree.met()
      const used = daemon.call('POST', `/api/v1/agents/${id}/usage`, { apiCalls: 11 }).catch(() => undefined)
      await eventually(
        'the first of it is stopped',
        async () => (stateOf(tree.pid) === 'T' ? true : undefined),
        20_000,
        1,
      )
      await daemon.child.stop('SIGKILL')
      await used
    }
    const status = statusOfPause(dataDir, id)
    expect(stoppedOf(tree)).not.toEqual([])
    const resumed = agentExporter('resume', id, '--reason', 'uninstall')
    expect(`${resumed.stderr}${resumed.stdout}`).toMatch(/runs again/)
    expect(resumed.status).toBe(0)
    expect(stoppedOf(tree)).toEqual([])
    if (status !== 'intended') {
      // The pause was quicker than the kill: that is the easy case.
      expect(attempt).toBeLessThan(TRIES)
      continue
    }

    await using daemon = await startActingDaemon({ dataDir, config })
    const lines = await eventually('the journal is read', async () => {
      const found = await daemon.journal(id)
      return found.length >= 2 ? found : undefined
    })
    expect(lines).toMatchObject([
      { action: 'resume', status: 'done', trigger: 'human', actor: 'command line', reason: 'uninstall' },
      { action: 'pause', status: 'failed', trigger: 'budget', detail: expect.stringMatching(/interrupted/) },
    ])
    await eventually('the agent is in a new epoch', async () => {
      const { body } = await daemon.call('GET', `/api/v1/agents/${id}`)
      return body['epoch'] === 2 && body['phase'] === 'normal' ? true : undefined
    })
    // Judged again many times by then.
    await delay(5 * CHECK_EVERY_MS)
    expect(stoppedOf(tree)).toEqual([])
    expect(await daemon.journal(id)).toHaveLength(2)
    return
  }
})
