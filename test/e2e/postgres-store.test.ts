import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { type SmallTree, startSmallTree } from '../support/crash-trees.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'
import { describeWith } from '../support/services.ts'

const ID = 'on-postgres'

describeWith('postgres', 'a daemon that acts, with its store in PostgreSQL', ({ postgres }) => {
  const folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  const control = { lock: `postgres-${process.pid}` }
  let server: TestPostgres
  let url: string
  let tree: SmallTree

  beforeAll(async () => {
    server = await startPostgres(postgres)
    url = await server.createDatabase()
    tree = await startSmallTree()
  })
  afterAll(async () => {
    tree?.end()
    await server?.destroy()
    folder[Symbol.dispose]()
  })

  const start = (): Promise<ActingDaemon> =>
    startActingDaemon({ dataDir, config: { store: { url }, control } })
  const states = () => [...new Set(tree.living().map(({ state }) => state))].join()
  const agent = async ({ call }: ActingDaemon) => (await call('GET', `/api/v1/agents/${ID}`)).body

  async function query(text: string): Promise<readonly Record<string, unknown>[]> {
    const client = new Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(text)).rows
    } finally {
      await client.end()
    }
  }

  /** What this host's own file says, whatever the server does. */
  function local(): string[] {
    const db = new DatabaseSync(join(dataDir, 'agent-exporter.db'), { readOnly: true })
    try {
      const rows = db.prepare('select action, status from control_actions order by id').all()
      return rows.map(({ action, status }) => `${action} ${status}`)
    } finally {
      db.close()
    }
  }

  const copied = (lines: readonly string[]) =>
    eventually('the journal is copied', async () => {
      const rows = await query('select action, status from control_actions_copy order by id')
      return rows.map(({ action, status }) => `${action} ${status}`).join() === lines.join()
        ? true
        : undefined
    })

  it('keeps budgets there and the journal here, and both over a restart', async () => {
    {
      await using daemon = await start()
      const registration = { id: ID, runtime: { pid: tree.root.pid }, budget: { maxApiCalls: 10 } }
      expect((await daemon.call('POST', '/api/v1/agents', registration)).status).toBe(201)
      expect((await daemon.call('POST', `/api/v1/agents/${ID}/usage`, { apiCalls: 9 })).body).toMatchObject({
        phase: 'warning',
      })
      await daemon.call('POST', `/api/v1/agents/${ID}/usage`, { apiCalls: 2 })
      await eventually('the agent is paused', async () =>
        (await agent(daemon))['pausedAt'] === null ? undefined : true,
      )
      expect(states()).toBe('T')
      await copied(['pause done'])
      expect(local()).toEqual(['pause done'])
      const [ledger] = await query(`select agent from usage_ledgers where agent = '${ID}'`)
      expect(ledger).toEqual({ agent: ID })
      await daemon.child.stop('SIGKILL')
    }
    expect(states()).toBe('T')

    await using daemon = await start()
    await eventually('the agent is known again', async () =>
      (await agent(daemon))['apiCallsCount'] === 11 ? true : undefined,
    )
    expect(await agent(daemon)).toMatchObject({ phase: 'intervention', enforced: true, epoch: 1 })
    expect((await agent(daemon))['holds']).toMatchObject([{ cause: 'budget' }])
    expect(await daemon.journal(ID)).toMatchObject([{ action: 'pause', status: 'done', durable: true }])
    expect(states()).toBe('T')
  })

  it('acts from the journal of the host while the server is away, and copies what it missed', async () => {
    await using daemon = await start()
    await eventually('the agent is known again', async () =>
      (await agent(daemon))['apiCallsCount'] === 11 ? true : undefined,
    )
    await server.stop()
    const act = (action: string) =>
      daemon.call('POST', `/api/v1/agents/${ID}/${action}?wait=60s`, { reason: 'without a server' })
    expect((await act('resume')).body).toMatchObject({ status: 'done', durable: true })
    expect(states()).not.toContain('T')
    expect((await act('pause')).body).toMatchObject({ status: 'done', durable: true })
    expect(states()).toBe('T')
    // Use that cannot be kept is not acknowledged.
    const refused = await eventually('a record is refused', async () => {
      const answer = await daemon.call('POST', `/api/v1/agents/${ID}/usage`, { apiCalls: 1 })
      return answer.status === 200 ? undefined : answer
    })
    expect(refused).toMatchObject({ status: 503, body: { code: 'AE_STORE_UNAVAILABLE' } })
    expect(local()).toEqual(['pause done', 'resume done', 'pause done'])

    await server.start()
    await copied(['pause done', 'resume done', 'pause done'])
    await eventually('use is kept again', async () =>
      (await daemon.call('POST', `/api/v1/agents/${ID}/usage`, { apiCalls: 1 })).status === 200
        ? true
        : undefined,
    )
    expect((await act('terminate')).body).toMatchObject({ status: 'done' })
    expect(tree.living()).toEqual([])
    await copied(['pause done', 'resume done', 'pause done', 'terminate done'])
    expect(existsSync(join(dataDir, 'control.spool'))).toBe(false)
  })
})
