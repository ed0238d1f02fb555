import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type ActingDaemon, type JournalLine, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { type HostileKind, type HostileTree, startInTerminal, startTree } from '../support/hostile-trees.ts'
import { samplesOf } from '../support/samples.ts'
import { createTreeOracle, movedBetween, type TreeOracle } from '../support/tree-oracle.ts'

const MARK = 'TREE_MARK'
const BUDGET = { maxTokensConsumed: 1_000 }
const CROSSING = { tokens: 2_000 }
/** Long enough for whoever runs to show it, also on a busy host. */
const STILL_MS = 200
/** Each of them; the bench has more. */
const ESCAPES_TRIED = 5

interface Subject {
  readonly id: string
  readonly tree: HostileTree
  readonly oracle: TreeOracle
}

describe.runIf(process.platform === 'linux')('budgets and people, on real trees of processes', () => {
  let daemon: ActingDaemon
  const subjects: Subject[] = []
  const trees: HostileTree[] = []

  beforeAll(async () => {
    daemon = await startActingDaemon({ config: { control: { grace: '300ms' } } })
  })
  afterEach(async () => {
    subjects.length = 0
    for (const tree of trees.splice(0)) await tree.end()
  })
  afterAll(() => daemon?.[Symbol.asyncDispose]())

  async function start(kind: HostileKind, on = daemon, names = false): Promise<Subject> {
    const id = `${kind}-${randomUUID()}`
    const tree = await startTree(kind, { env: { [MARK]: id }, ...(names ? { agent: id } : {}) })
    trees.push(tree)
    const { status } = await on.call('POST', '/api/v1/agents', {
      id,
      role: id,
      runtime: { pid: tree.pid },
      budget: BUDGET,
    })
    expect([200, 201]).toContain(status)
    tree.met()
    const subject = { id, tree, oracle: createTreeOracle(`${MARK}=${id}`) }
    subjects.push(subject)
    return subject
  }

  const cross = ({ id }: Subject, on = daemon) => on.call('POST', `/api/v1/agents/${id}/usage`, CROSSING)
  const act = (action: string, { id }: Subject, body: object = {}, on = daemon) =>
    on.call<JournalLine>('POST', `/api/v1/agents/${id}/${action}?wait=30s`, body)

  /** The newest line of this action, once it says how it ended. */
  const settled = (action: string, { id }: Subject, on = daemon) =>
    eventually(`a ${action} is settled`, async () => {
      const [line] = await on.journal(id, `&action=${action}`)
      return line === undefined || line.status === 'intended' ? undefined : line
    })

  async function standsStill({ oracle, tree }: Subject): Promise<void> {
    const before = oracle.look()
    const work = tree.work()
    await delay(STILL_MS)
    const after = oracle.look()
    expect(after.living.length).toBeGreaterThan(0)
    expect(after.running).toEqual([])
    expect(movedBetween(before, after)).toEqual([])
    expect(tree.work()).toBe(work)
  }

  async function works({ tree }: Subject): Promise<void> {
    const before = tree.work()
    await eventually('it works', () => tree.work() > before || undefined)
  }

  const gate = async ({ id }: Subject) => (await daemon.call('GET', `/api/v1/agents/${id}/gate`)).body

  it('stops all of a tree that goes over its budget, and says so everywhere', async () => {
    const subject = await start('mixed')
    const { id } = subject
    await cross(subject)
    const line = await settled('pause', subject)
    expect(line).toMatchObject({ status: 'done', trigger: 'budget', rung: 'sigstop', durable: true })
    expect(line.verifiedAt).toBeDefined()
    await standsStill(subject)
    expect(await gate(subject)).toMatchObject({ allowed: false, phase: 'intervention' })
    // Scrapes within a second share their numbers.
    const page = await eventually('the scrape counts it', async () => {
      const now = samplesOf(await daemon.scrape())
      return now.get('agents_paused_current') === 1 ? now : undefined
    })
    expect(page.get(`agent_state{agent="${id}",state="paused"}`)).toBe(1)
    expect(page.get(`agent_phase{agent="${id}",phase="intervention"}`)).toBe(1)
    expect(page.get('agent_reaction_duration_seconds_count{trigger="budget"}')).toBe(1)
    expect(page.get('resource_exhaustion_interventions_total{resource="tokens"}')).toBe(1)
  })

  it('lets it go on with a new budget that holds, and counts an epoch once', async () => {
    const subject = await start('burning')
    const { id } = subject
    const observed = async () =>
      samplesOf(await daemon.scrape()).get(`agent_tokens_consumed_count{role="${id}"}`) ?? 0
    const before = await observed()
    await cross(subject)
    await settled('pause', subject)
    const waiters = [1, 2, 3].map(() =>
      daemon.call('GET', `/api/v1/agents/${id}/wait-for-resume?timeout=60s`),
    )
    const { body } = await act('resume', subject, { extraBudget: { maxTokensConsumed: 5_000 } })
    expect(body.status).toBe('done')
    for (const answer of await Promise.all(waiters)) expect(answer.body).toEqual({ outcome: 'resumed' })
    await works(subject)
    expect((await daemon.call('GET', `/api/v1/agents/${id}`)).body).toMatchObject({
      epoch: 2,
      phase: 'normal',
    })
    expect(await gate(subject)).toMatchObject({ allowed: true })
    // Over the first limit, not over the raised one.
    await cross(subject)
    await delay(STILL_MS)
    expect(await daemon.journal(id, '&action=pause')).toHaveLength(1)
    await works(subject)
    expect(await observed()).toBe(before + 1)
  })

  it.each<HostileKind>(['relay', 'escape', 'hop', 'session', 'leap'])(
    'lets nothing of kind %s escape',
    async (kind) => {
      for (let run = 0; run < ESCAPES_TRIED; run++) {
        const subject = await start(kind, daemon, kind !== 'relay')
        await delay(500)
        if (kind === 'leap') {
          subject.tree.leap()
          await eventually('it has leapt', () => subject.oracle.look().living.length > 1 || undefined)
        }
        await cross(subject)
        expect(await settled('pause', subject)).toMatchObject({ status: 'done' })
        const work = subject.tree.work()
        await delay(STILL_MS)
        expect(subject.oracle.look().running).toEqual([])
        expect(subject.tree.work()).toBe(work)
        expect((await act('terminate', subject)).body.status).toBe('done')
        expect(subject.oracle.look().living).toEqual([])
      }
    },
  )

  it('stops again what somebody else continued, on the same line of the journal', async () => {
    const subject = await start('burning')
    await cross(subject)
    await settled('pause', subject)
    await standsStill(subject)
    for (const pid of subject.tree.living()) process.kill(pid, 'SIGCONT')
    await works(subject)
    await eventually('it is stopped again', async () => {
      const [line] = await daemon.journal(subject.id, '&action=pause')
      return line?.attempt === 2 || undefined
    })
    await standsStill(subject)
    expect(await daemon.journal(subject.id, '&action=pause')).toHaveLength(1)
    expect((await act('resume', subject)).body.status).toBe('done')
    await works(subject)
  })

  it('ends a tree that does not listen', async () => {
    const subject = await start('deaf')
    const waiting = daemon.call('GET', `/api/v1/agents/${subject.id}/wait-for-resume?timeout=60s`)
    expect((await act('terminate', subject)).body).toMatchObject({ status: 'done', rung: 'sigkill' })
    expect(subject.oracle.look().living).toEqual([])
    expect(['terminated', 'not_paused']).toContain((await waiting).body['outcome'])
  })

  it('holds for two reasons until a person lets it go', async () => {
    const subject = await start('burning')
    expect((await act('pause', subject)).body.status).toBe('done')
    await cross(subject)
    await settled('pause', subject)
    const holds = async () => {
      const { body } = await daemon.call<{ holds: { agent: string; cause: string }[] }>(
        'GET',
        '/api/v1/control',
      )
      return body.holds.filter(({ agent }) => agent === subject.id).map(({ cause }) => cause)
    }
    await eventually('both hold it', async () => (await holds()).length === 2 || undefined)
    expect((await holds()).sort()).toEqual(['budget', 'human'])
    await standsStill(subject)
    expect((await act('resume', subject)).body.status).toBe('done')
    expect(await holds()).toEqual([])
    await works(subject)
  })

  it('only writes down what it would do to a tree that opted out', async () => {
    const subject = await start('idle')
    await daemon.call('POST', '/api/v1/agents', { id: subject.id, budget: BUDGET, enforce: false })
    await cross(subject)
    expect(await settled('pause', subject)).toMatchObject({ status: 'dry_run', refusal: 'not_enforced' })
    expect(subject.oracle.look().running).toHaveLength(1)
  })

  it('only writes down what it would do to one that was only found', async () => {
    // A limit that a person wrote: for whoever opted in it would be enforced.
    await using finding = await startActingDaemon({
      config: { resourceExhaustion: { thresholds: BUDGET } },
    })
    const id = `found-${randomUUID()}`
    const env = { [MARK]: id, AGENT_EXPORTER_AGENT: id }
    await using tree = await startTree('burning', { env })
    const subject: Subject = { id, tree, oracle: createTreeOracle(`${MARK}=${id}`) }
    await eventually(
      'it is found',
      async () => (await finding.call('GET', `/api/v1/agents/${id}`)).status === 200 || undefined,
    )
    tree.met()
    await cross(subject, finding)
    const rehearsed = { status: 'dry_run', refusal: 'not_enforced' }
    expect(await settled('pause', subject, finding)).toMatchObject({ ...rehearsed, trigger: 'budget' })
    await works(subject)
    for (const action of ['pause', 'terminate']) {
      const { body } = await act(action, subject, {}, finding)
      expect(body).toMatchObject({ ...rehearsed, trigger: 'human' })
      await works(subject)
    }
    const { running, living } = subject.oracle.look()
    expect(running).toEqual(living)
    const { body: gate } = await finding.call('GET', `/api/v1/agents/${id}/gate`)
    expect(gate).toMatchObject({ allowed: true })
    const page = await eventually('the scrape counts it', async () => {
      const now = samplesOf(await finding.scrape())
      return now.get('agent_actions_total{action="terminate",trigger="human",outcome="dry_run"}') === 1
        ? now
        : undefined
    })
    for (const trigger of ['budget', 'human']) {
      expect(page.get(`agent_actions_total{action="pause",trigger="${trigger}",outcome="dry_run"}`)).toBe(1)
      expect(page.get(`agent_actions_total{action="pause",trigger="${trigger}",outcome="done"}`)).toBe(0)
    }
    expect(page.get('agent_action_refusals_total{action="pause",reason="not_enforced"}')).toBe(2)
    expect(page.get(`agent_enforced{agent="${id}"}`)).toBe(0)
    expect(page.get('agents_paused_current')).toBe(0)
  })

  it('says of a resumed job of a shell that its person must bring it back', async () => {
    const id = `job-${randomUUID()}`
    await using job = await startInTerminal()
    const { status } = await daemon.call('POST', '/api/v1/agents', {
      ...{ id, runtime: { pid: job.pid }, enforce: true },
    })
    expect(status).toBe(201)
    // proc_pid_stat(5), from the state on: its group, and the one in the foreground of its terminal.
    const stat = () =>
      readFileSync(`/proc/${job.pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')
    const isInForeground = () => stat()[2] === stat()[5]
    expect(isInForeground()).toBe(true)
    const ask = (action: string) =>
      daemon.call<JournalLine>('POST', `/api/v1/agents/${id}/${action}?wait=30s`, {})
    expect((await ask('pause')).body).toMatchObject({ status: 'done' })
    expect(stat()[0]).toBe('T')
    await eventually('the shell has its terminal back', () => !isInForeground() || undefined)

    const { body } = await ask('resume')
    expect(body).toMatchObject({ status: 'needs_foreground', trigger: 'human' })
    expect(body.detail).toMatch(/`fg`/)
    expect(body.verifiedAt).toBeUndefined()
    expect(stat()[0]).toBe('T')
    const work = job.work()
    await delay(STILL_MS)
    expect(job.work()).toBe(work)
    const [line] = await daemon.journal(id, '&action=resume')
    expect(line).toMatchObject({ status: 'needs_foreground', detail: body.detail })
    // Nothing of ours keeps it: what is left to do is its person's.
    const { holds } = (await daemon.call<{ holds: { agent: string }[] }>('GET', '/api/v1/control')).body
    expect(holds.filter(({ agent }) => agent === id)).toEqual([])
    await eventually('the scrape counts what was not verified', async () => {
      const now = samplesOf(await daemon.scrape())
      return now.get('agent_actions_total{action="resume",trigger="human",outcome="failed"}') || undefined
    })
    job.bringBack()
    await eventually('it works again', () => job.work() > work || undefined)
  })

  const file = () => join(daemon.dataDir, 'STOP')
  it.each<[string, () => unknown]>([
    ['its file', () => writeFileSync(file(), '')],
    ['SIGUSR2', () => process.kill(daemon.pid, 'SIGUSR2')],
    ['the API', () => daemon.call('PUT', '/api/v1/control/kill-switch', { engaged: true })],
  ])('does nothing but resume after the kill switch was pulled by %s', async (_by, pull) => {
    const held = await start('burning')
    expect((await act('pause', held)).body.status).toBe('done')
    const subject = await start('burning')
    try {
      await pull()
      await eventually('it is engaged', async () => {
        const { body } = await daemon.call<{ killSwitch: { engaged: boolean } }>('GET', '/api/v1/control')
        return body.killSwitch.engaged || undefined
      })
      await cross(subject)
      expect(await settled('pause', subject)).toMatchObject({ status: 'refused', refusal: 'kill_switch' })
      await works(subject)
      expect((await act('resume', held)).body.status).toBe('done')
      await works(held)
    } finally {
      rmSync(file(), { force: true })
      await daemon.call('PUT', '/api/v1/control/kill-switch', { engaged: false })
    }
  })

  describe('with the consent of a person', () => {
    const startAsking = (approvalExpiry: string) =>
      startActingDaemon({
        config: {
          control: { grace: '300ms', approvalExpiry },
          resourceExhaustion: { requireConfirmationOnIntervention: true },
        },
      })
    let asking: ActingDaemon
    beforeAll(async () => {
      asking = await startAsking('1h')
    })
    afterAll(() => asking?.[Symbol.asyncDispose]())

    async function pending(): Promise<readonly [Subject, JournalLine]> {
      const subject = await start('burning', asking)
      await cross(subject, asking)
      const line = await settled('pause', subject, asking)
      expect(line.status).toBe('pending_approval')
      await works(subject)
      return [subject, line]
    }

    it('stops it once somebody approves', async () => {
      const [subject, { id }] = await pending()
      const { body } = await asking.call('POST', `/api/v1/actions/${id}/approve?wait=30s`, {})
      expect(body).toMatchObject({ status: 'done' })
      await standsStill(subject)
    })

    it('leaves it alone when somebody says no', async () => {
      const [subject, { id }] = await pending()
      const { body } = await asking.call('POST', `/api/v1/actions/${id}/reject`, { reason: 'let it finish' })
      expect(body).toMatchObject({ status: 'refused', refusal: 'rejected' })
      await works(subject)
    })

    it('leaves it alone when nobody answers', async () => {
      await using impatient = await startAsking('1s')
      const subject = await start('burning', impatient)
      await cross(subject, impatient)
      await eventually('it expires', async () => {
        const [line] = await impatient.journal(subject.id, '&action=pause')
        return line?.refusal === 'expired' || undefined
      })
      await works(subject)
    })
  })

  it('ends what nobody answered for, when it may', async () => {
    await using ending = await startActingDaemon({
      config: {
        control: { grace: '300ms', cooldown: '0s' },
        resourceExhaustion: { autoTerminate: true, terminateAfterMs: 2_000 },
      },
    })
    const subject = await start('mixed', ending)
    await cross(subject, ending)
    expect(await settled('pause', subject, ending)).toMatchObject({ status: 'done' })
    expect(await settled('terminate', subject, ending)).toMatchObject({ status: 'done', trigger: 'budget' })
    expect(subject.oracle.look().living).toEqual([])
  })
})
