import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startStranger } from '../support/stranger.ts'

const agent = async ({ call }: ActingDaemon, id: string) =>
  (await call('GET', `/api/v1/agents/${id}`)).body as Record<string, unknown>

it('the name of an enrolled agent is not free for a process that takes it while no daemon runs', async () => {
  using folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  {
    await using daemon = await startActingDaemon({ dataDir })
    const { status } = await daemon.call('POST', '/api/v1/agents', {
      id: 'coop',
      budget: { maxApiCalls: 10 },
    })
    expect(status).toBe(201)
    expect(await agent(daemon, 'coop')).toMatchObject({ runtime: 'cooperative', enforced: true })
    await daemon.stop()
  }
  await using thief = await startStranger('/bin/sleep', ['600'], { env: { AGENT_EXPORTER_AGENT: 'coop' } })
  await using other = await startStranger('/bin/sleep', ['600'], { env: { AGENT_EXPORTER_AGENT: 'seen' } })
  await using daemon = await startActingDaemon({ dataDir })
  await eventually('processes are found', async () =>
    (await agent(daemon, 'seen'))['runtime'] === 'process' ? true : undefined,
  )
  expect(other.pid).not.toBe(thief.pid)
  expect(await agent(daemon, 'coop')).toMatchObject({
    runtime: 'cooperative',
    enforced: true,
    thresholds: { maxApiCalls: 10 },
  })

  // A person may give the name a process, and its budget goes along.
  const named = await daemon.call('POST', '/api/v1/agents', { id: 'coop', runtime: { pid: thief.pid } })
  expect(named.status).toBeLessThan(300)
  expect(await agent(daemon, 'coop')).toMatchObject({
    runtime: 'process',
    enforced: true,
    thresholds: { maxApiCalls: 10 },
  })
})
