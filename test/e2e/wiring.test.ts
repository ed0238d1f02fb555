import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { HOOK_EVENTS } from '../support/hook-events.ts'
import { createPageShell, type PageShell } from '../support/page-shell.ts'
import { blockOf, readPage } from '../support/pages.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = readPage('docs/wiring.md')
const sh = (heading: string, nth = 0) => blockOf(PAGE, heading, 'sh', nth).text

let shell: PageShell
let daemon: ActingDaemon
/** The environment that `run` gave reviewer-1. */
let ofAgent: NodeJS.ProcessEnv

beforeAll(async () => {
  daemon = await startActingDaemon()
  shell = createPageShell({ AGENT_EXPORTER_URL: daemon.url, AGENT_EXPORTER_DATA_DIR: daemon.dataDir })
})

afterAll(async () => {
  await shell?.[Symbol.asyncDispose]()
  await daemon?.[Symbol.asyncDispose]()
})

const inFolder = (name: string) => join(shell.folder, name)

async function agent(id: string): Promise<Record<string, unknown> | undefined> {
  const { status, body } = await daemon.call('GET', `/api/v1/agents/${id}`)
  return status === 200 ? body : undefined
}

const known = (id: string) => eventually(`${id} is known`, () => agent(id))

function environmentIn(file: string): NodeJS.ProcessEnv {
  return Object.fromEntries(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

describe('an agent that is only started', () => {
  it('is found by the name of its program and listed', async () => {
    const child = await shell.start('claude', { AGENT_ENV: inFolder('plain.env') })
    await eventually('claude is listed', () => {
      const { stdout } = shell.run(sh('1. Nothing at all'))
      return /^claude\S*\s.*\bprocess\b/m.test(stdout) || undefined
    })
    await shell.end(child)
  })

  it('has the name and role of its environment, and is not enforced', async () => {
    const child = await shell.start(sh('2. A name'), { AGENT_ENV: inFolder('named.env') })
    expect(await known('reviewer-1')).toMatchObject({ role: 'reviewer', vendor: 'claude' })
    expect(await daemon.scrape()).toContain('agent_enforced{agent="reviewer-1"} 0')
    await shell.end(child)
    await eventually(
      'it has ended',
      async () => (await agent('reviewer-1'))?.['endedAt'] !== undefined || undefined,
    )
  })
})

describe('an agent with a budget', () => {
  beforeAll(async () => {
    const file = inFolder('run.env')
    await shell.start(sh('3. A budget'), { AGENT_ENV: file })
    await eventually('the command runs', () => existsSync(file) || undefined)
    ofAgent = environmentIn(file)
    await eventually(
      'it is enforced',
      async () => (await daemon.scrape()).includes('agent_enforced{agent="reviewer-1"} 1') || undefined,
    )
  })

  it('has its limits and what its hooks need', async () => {
    const page = await daemon.scrape()
    expect(page).toContain(
      'agent_budget_limit{agent="reviewer-1",resource="time_without_deliverable",unit="seconds"} 1800',
    )
    expect(page).toContain(
      'agent_budget_limit{agent="reviewer-1",resource="wall_clock",unit="seconds"} 14400',
    )
    expect(ofAgent).toMatchObject({ AGENT_EXPORTER_AGENT: 'reviewer-1', AGENT_EXPORTER_URL: daemon.url })
    expect(ofAgent['AGENT_EXPORTER_TOKEN']).toMatch(/^agent\./)
  })

  it('delivers by its commits, and nobody else’s commits deliver', async () => {
    const repository = inFolder('repository')
    shell.run(
      'git init -q repository && git -C repository config user.email a@example.org && git -C repository config user.name a',
    )
    const hook = join(repository, '.git/hooks/post-commit')
    writeFileSync(hook, sh('4. Deliverables by git'), { mode: 0o755 })
    const commit = 'git commit -q --allow-empty -m work'
    expect(shell.run(commit, {}, { cwd: repository })).toMatchObject({ status: 0 })
    expect(shell.run(commit, { ...ofAgent, PATH: shell.env['PATH'] }, { cwd: repository })).toMatchObject({
      status: 0,
    })
    const head = shell.run('git rev-parse HEAD', {}, { cwd: repository }).stdout.trim()
    const { body } = await daemon.call<{ items: unknown[] }>('GET', '/api/v1/agents/reviewer-1/deliverables')
    expect(body.items).toMatchObject([{ type: 'code_commit', artifacts: [`commit:${head}`] }])
  })
})

interface Settings {
  readonly hooks: Readonly<
    Record<
      string,
      readonly { readonly matcher?: string; readonly hooks: readonly { readonly command: string }[] }[]
    >
  >
}

describe('hooks', () => {
  const HEADING = '5. Hooks of Claude Code, Codex and Gemini CLI'
  const settings = (nth: number) => JSON.parse(blockOf(PAGE, HEADING, 'json', nth).text) as Settings

  /** What the vendor's program would do with one event: every command whose matcher fits gets it. */
  function fire(
    { hooks }: Settings,
    event: Readonly<Record<string, unknown>>,
    extra: NodeJS.ProcessEnv = ofAgent,
  ) {
    const groups = hooks[String(event['hook_event_name'])] ?? []
    const fits = groups.filter(
      ({ matcher = '*' }) => matcher === '*' || new RegExp(`^(${matcher})$`).test(String(event['tool_name'])),
    )
    return fits.flatMap((group) =>
      group.hooks.map(({ command }) =>
        shell.run(
          command,
          { ...extra, PATH: shell.env['PATH'], HOME: shell.home },
          { input: JSON.stringify(event) },
        ),
      ),
    )
  }

  beforeAll(async () => {
    expect(shell.run(sh(HEADING), {}, { cwd: ROOT })).toMatchObject({ status: 0 })
    await daemon.call('POST', '/api/v1/agents', { id: 'codex-1', enforce: false })
    await daemon.call('POST', '/api/v1/agents', { id: 'gemini-1', enforce: false })
  })

  it.each([
    {
      vendor: 'Claude Code',
      nth: 0,
      id: 'reviewer-1',
      events: HOOK_EVENTS.claude,
      used: { filesRead: 1, filesWritten: 1, filesModified: 2, apiCallsCount: 3, subtasksSpawned: 1 },
    },
    {
      vendor: 'Codex',
      nth: 1,
      id: 'codex-1',
      events: HOOK_EVENTS.codex,
      used: { filesRead: 0, filesWritten: 1, filesModified: 2, apiCallsCount: 0, subtasksSpawned: 1 },
    },
    {
      vendor: 'Gemini CLI',
      nth: 2,
      id: 'gemini-1',
      events: HOOK_EVENTS.gemini,
      used: { filesRead: 1, filesWritten: 1, filesModified: 1, apiCallsCount: 1, subtasksSpawned: 0 },
    },
  ])(
    'of $vendor count what its documented events tell, and say nothing',
    async ({ nth, id, events, used }) => {
      const { AGENT_EXPORTER_TOKEN, ...others } = ofAgent
      const extra = id === 'reviewer-1' ? ofAgent : { ...others, AGENT_EXPORTER_AGENT: id }
      for (const event of events) {
        for (const result of fire(settings(nth), event, extra)) {
          expect({ event, ...result }).toMatchObject({ status: 0, stdout: '', stderr: '' })
        }
      }
      expect(await agent(id)).toMatchObject(used)
    },
  )

  it('are all heard: every event of the settings is one of those fed', () => {
    for (const [nth, events] of [HOOK_EVENTS.claude, HOOK_EVENTS.codex, HOOK_EVENTS.gemini].entries()) {
      const fed = new Set(events.map((event) => String(event['hook_event_name'])))
      expect([...fed].filter((name) => name in settings(nth).hooks).sort()).toEqual(
        Object.keys(settings(nth).hooks).sort(),
      )
    }
  })

  it('send counts and nothing else', async () => {
    const told: string[] = []
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      told.push(`${request.url} ${body}`)
      response.end('{"allowed": true}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const script = join(ROOT, 'docs/examples/agent-hook.mjs')
    // One after the other, as an agent does it: a hook gives up soon, and all at once would wait for each other.
    for (const event of Object.values(HOOK_EVENTS).flat()) {
      const child = spawn(process.execPath, [script], {
        env: { AGENT_EXPORTER_AGENT: 'a', AGENT_EXPORTER_URL: `http://127.0.0.1:${port}` },
        stdio: ['pipe', 'ignore', 'inherit'],
      })
      child.stdin.end(JSON.stringify(event))
      await once(child, 'exit')
    }
    server.close()
    expect(told.length).toBeGreaterThan(10)
    for (const one of told) {
      expect(one).toMatch(
        /^\/api\/v1\/agents\/a\/(gate|deliverables \{"type":"task_completed"\}|usage \{[a-z0-9":[\]{},]+\}) ?$/i,
      )
      expect(one).not.toMatch(/secret|home|\.ts|npm/)
    }
  })

  it('count a finished task as a deliverable', async () => {
    const { body } = await daemon.call<{ items: unknown[] }>('GET', '/api/v1/agents/reviewer-1/deliverables')
    expect(body.items[0]).toMatchObject({ type: 'task_completed' })
  })

  it('refuse the next step of a paused agent and say why', async () => {
    expect(
      shell.run('agent-exporter pause reviewer-1 --wait 60s --reason "look at this first"'),
    ).toMatchObject({
      status: 0,
    })
    const [result] = fire(settings(0), HOOK_EVENTS.claude[0]!)
    expect(result).toMatchObject({ status: 2, stdout: '' })
    expect(result!.stderr).toContain('look at this first')
    expect(shell.run('agent-exporter resume reviewer-1 --wait 60s')).toMatchObject({ status: 0 })
    expect(fire(settings(0), HOOK_EVENTS.claude[0]!)).toMatchObject([{ status: 0 }])
  })

  it('let everybody else alone, and do not stop an agent because nobody answers, unless strict', () => {
    const [event] = HOOK_EVENTS.claude
    expect(fire(settings(0), event!, {})).toMatchObject([{ status: 0, stderr: '' }])
    const nobody = { ...ofAgent, AGENT_EXPORTER_URL: 'http://127.0.0.1:9' }
    expect(fire(settings(0), event!, nobody)).toMatchObject([{ status: 0 }])
    const strict = 'node "$HOME/.local/share/agent-exporter/agent-hook.mjs" --strict'
    expect(shell.run(strict, nobody, { input: JSON.stringify(event) })).toMatchObject({ status: 2 })
  })
})

it('the loop beside Aider passes on what its log says', async () => {
  await daemon.call('POST', '/api/v1/agents', { id: 'aider-1', enforce: false })
  const child = spawn('sh', ['-ec', sh('6. Aider')], {
    cwd: shell.folder,
    env: { ...shell.env, AGENT_EXPORTER_AGENT: 'aider-1' },
    detached: true,
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  try {
    const log = inFolder('aider.jsonl')
    await eventually('the loop looks', () => existsSync(log) || undefined)
    const used = {
      main_model: 'gpt-5',
      prompt_tokens: 4_000,
      completion_tokens: 500,
      total_tokens: 4_500,
      cost: 0.02,
      total_cost: 0.5,
    }
    await eventually(
      'the message is counted',
      async () => {
        // tail begins at the end of the file, whenever that is.
        appendFileSync(log, `${JSON.stringify({ event: 'launched', properties: {} })}\n`)
        appendFileSync(
          log,
          `${JSON.stringify({ event: 'message_send', properties: used, user_id: 'u', time: 1 })}\n`,
        )
        return Number((await agent('aider-1'))?.['apiCallsCount']) > 0 || undefined
      },
      60_000,
      500,
    )
    const {
      apiCallsCount: calls,
      tokensConsumed,
      costUsd,
    } = (await agent('aider-1')) as Record<string, number>
    expect(tokensConsumed).toBe(calls! * 4_500)
    expect(costUsd).toBeCloseTo(calls! * 0.02)
  } finally {
    process.kill(-child.pid!, 'SIGKILL')
    await exited
  }
})

describe('own agents', () => {
  it('report over HTTP from a shell', async () => {
    expect(shell.run(sh('Your own agents'))).toMatchObject({ status: 0 })
    expect(await agent('nightly')).toMatchObject({
      role: 'researcher',
      apiCallsCount: 1,
      tokensConsumed: 1_500,
      costUsd: 0.01,
    })
    expect((await agent('nightly'))?.['lastDeliverableAt']).not.toBeNull()
  })

  it('report through the client', async () => {
    mkdirSync(inFolder('node_modules'))
    symlinkSync(ROOT, inFolder('node_modules/agent-exporter'))
    writeFileSync(inFolder('client.ts'), blockOf(PAGE, 'Your own agents', 'ts').text)
    const result = shell.run('node --experimental-strip-types --no-warnings client.ts')
    expect(result).toMatchObject({ status: 0 })
    expect(await agent('researcher-2')).toMatchObject({
      apiCallsCount: 1,
      tokensConsumed: 1_500,
      filesWritten: 1,
    })
  })
})
