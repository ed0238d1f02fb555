import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type ActingDaemon, type JournalLine, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startStranger } from '../support/stranger.ts'

const stateOf = (pid: number) => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

const control = async ({ get }: ActingDaemon) =>
  ((await (await get('/health')).json()) as { checks: { control: { journal: string } } }).checks.control

async function enlist({ call }: ActingDaemon, id: string, pid: number): Promise<void> {
  const answer = await call('POST', '/api/v1/agents', { id, runtime: { pid }, budget: { maxApiCalls: 10 } })
  expect(answer.status).toBeLessThan(300)
}

const act = ({ call }: ActingDaemon, id: string, action: string) =>
  call<JournalLine>('POST', `/api/v1/agents/${id}/${action}?wait=60s`, { reason: 'a person' })

it('a lost journal: who is found stopped is held, and nothing automatic is done until a person confirms', async () => {
  using folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  await using stopped = await startStranger('/bin/sh', ['-c', 'sleep 600 & wait'], {
    env: { AGENT_EXPORTER_AGENT: 'stopped' },
  })
  await using greedy = await startStranger('/bin/sleep', ['600'], { env: { AGENT_EXPORTER_AGENT: 'greedy' } })
  {
    await using before = await startActingDaemon({ dataDir })
    await enlist(before, 'stopped', stopped.pid)
    expect((await act(before, 'stopped', 'pause')).body).toMatchObject({ status: 'done' })
    await before.child.stop('SIGKILL')
  }
  expect(stateOf(stopped.pid)).toBe('T')
  for (const name of ['agent-exporter.db', 'agent-exporter.db-wal']) {
    const file = join(dataDir, name)
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xaa, 0, bytes.length))
  }

  await using daemon = await startActingDaemon({ dataDir })
  expect(await control(daemon)).toMatchObject({ journal: 'damaged' })
  const held = await eventually('who is stopped is held', async () => {
    const { body } = await daemon.call<{ holds: { agent: string; cause: string }[] }>(
      'GET',
      '/api/v1/control',
    )
    // Whoever else stands still on this machine is held as well.
    const ours = body.holds.filter(({ agent }) => agent === 'stopped')
    return ours.length > 0 ? ours : undefined
  })
  expect(held).toMatchObject([{ agent: 'stopped', cause: 'unknown' }])
  expect(stateOf(stopped.pid)).toBe('T')

  await enlist(daemon, 'greedy', greedy.pid)
  const used = await daemon.call('POST', '/api/v1/agents/greedy/usage', { apiCalls: 11 })
  expect(used.status).toBe(200)
  await eventually('the intervention is rehearsed', async () => {
    const [line] = await daemon.journal('greedy', '&action=pause')
    return line?.status === 'dry_run' ? true : undefined
  })
  expect(stateOf(greedy.pid)).not.toBe('T')

  // A person is heard in any case.
  expect((await act(daemon, 'stopped', 'resume')).body).toMatchObject({ status: 'done' })
  expect(stateOf(stopped.pid)).not.toBe('T')
  expect((await daemon.call('POST', '/api/v1/control/reset', {})).status).toBe(200)
  expect(await control(daemon)).toMatchObject({ journal: 'ok' })
  await eventually(
    'what is still owed is done',
    async () => (stateOf(greedy.pid) === 'T' ? true : undefined),
    60_000,
  )
  await eventually('the hold says why', async () => {
    const { body } = await daemon.call<{ holds: { cause: string }[] }>('GET', '/api/v1/agents/greedy')
    return body.holds.map(({ cause }) => cause).join() === 'budget' ? true : undefined
  })
})
