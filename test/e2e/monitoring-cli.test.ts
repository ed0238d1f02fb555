import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/child.ts'
import { type CommandResult, runCommand } from '../support/command.ts'
import { BIN, type Daemon, startDaemon } from '../support/daemon.ts'
import { onTerminal, type TerminalRun } from '../support/run-world.ts'
import { type Stranger, startStranger } from '../support/stranger.ts'

const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
const LEAVE_SCREEN = '\x1b[?1049l'

describe('what the command line says of a running daemon', () => {
  let daemon: Daemon
  let agent: Stranger
  let env: Readonly<Record<'AGENT_EXPORTER_URL' | 'AGENT_EXPORTER_DATA_DIR', string>>
  const ask = (...args: string[]): Promise<CommandResult> => runCommand(args, env)
  const json = async (...args: string[]) => JSON.parse((await ask(...args, '--json')).stdout)

  beforeAll(async () => {
    agent = await startStranger(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], {
      env: { AGENT_EXPORTER_AGENT: 'hungry' },
    })
    daemon = await startDaemon({
      config: {
        control: { lock: `monitoring-cli-${process.pid}` },
        memory: { thresholds: { warningBytes: '1MiB', criticalBytes: '2MiB', oomImminentBytes: '100GiB' } },
      },
    })
    env = { AGENT_EXPORTER_URL: daemon.url, AGENT_EXPORTER_DATA_DIR: daemon.dataDir }
    await eventually('the agent is critical and somebody was told', async () => {
      const { agents } = await json('metrics')
      const { alerts } = await json('alerts')
      const isCritical = agents.some(
        (one: { name: string; alertLevel: string }) => one.name === 'hungry' && one.alertLevel === 'critical',
      )
      return (isCritical && alerts.length > 0) || undefined
    })
  })
  afterAll(async () => {
    await agent.stop()
    await daemon[Symbol.asyncDispose]()
  })

  it('R29 metrics shows the agent with its memory, trend, level and course', async () => {
    const { code, stdout, stderr } = await ask('metrics', '--agent', 'hungry')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [head, row] = stdout.split('\n')
    expect(head).toMatch(
      /^AGENT +PID +STATUS +MEMORY +LIMIT +HEAP +LAST HOUR +CPU +TREND +PER MIN +FULL IN +LEVEL/,
    )
    expect(row).toMatch(new RegExp(`^hungry +${agent.pid} +\\w+ +[\\d.]+ MiB .*[▁▂▃▄▅▆▇█]+ .*critical`))
    expect(stdout).toMatch(/^1 agent, [\d.]+ MiB; host [\d.]+ GiB available of [\d.]+ GiB$/m)
    expect((await ask('metrics', '--agent', 'nobody')).code).toBe(4)
  })

  it('R30 health says that it is not well, lists why, and ends with 5 only when asked to', async () => {
    const { code, stdout } = await ask('health', '--alerts', '--crashes')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^score {4}\d+\/100$/m)
    expect(stdout).toMatch(/^high +1 agent with critical memory\./m)
    expect(stdout).toMatch(/hungry +critical/)
    const { healthScore, issues } = await json('health')
    const isBad =
      healthScore < 50 || issues.some(({ severity }: { severity: string }) => severity === 'critical')
    expect((await ask('health', '--exit-code')).code).toBe(isBad ? 5 : 0)
  })

  it('alerts are listed, acknowledged by the beginning of their id, and gone from the list', async () => {
    const { stdout } = await ask('alerts', '--agent', 'hungry')
    const short = /^([0-9a-f]{8}) /m.exec(stdout)![1]!
    expect(await ask('alerts', 'acknowledge', short)).toMatchObject({
      code: 0,
      stdout: `Acknowledged ${short}.\n`,
    })
    expect((await ask('alerts', '--agent', 'hungry')).stdout).not.toContain(short)
    expect((await ask('alerts', '--agent', 'hungry', '--all')).stdout).toContain(short)
    expect((await ask('alerts', 'acknowledge', 'ffffffff-none')).code).toBe(4)
  })

  it('a reported crash is listed with its cause and shown with its evidence', async () => {
    const told = await daemon.get('/api/monitoring/crash', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        crash: {
          ...{ agentName: 'hungry', exitCode: 134 },
          lastOutput:
            'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n\u001b[2J',
        },
      }),
    })
    expect(told.status).toBe(200)
    const { stdout } = await ask('crashes', '--agent', 'hungry')
    expect(stdout).toMatch(/^crash-\w{8} .*hungry +heap_limit/m)
    const id = /^(crash-\w+) /m.exec(stdout)![1]!
    const shown = await ask('crashes', id)
    expect(shown.stdout).toContain('cause    heap_limit')
    expect(shown.stdout).toMatch(/^ {2}exit: .*134/m)
    expect(shown.stdout).not.toContain('[object')
    expect(shown.stdout).toContain('FATAL ERROR: Reached heap limit')
    expect(shown.stdout).not.toContain('\u001b')
    expect((await ask('crashes', '--cause', 'segfault')).stdout).toBe('No crashes.\n')
  })

  const live = (what: string): TerminalRun => {
    const { AGENT_EXPORTER_URL, AGENT_EXPORTER_DATA_DIR } = env
    const line = `stty cols 100 rows 30; ${process.execPath} ${BIN} ${what}; echo "code=$?"; stty -a | tr ';' '\\n'`
    return onTerminal({ ...process.env, TERM: 'xterm', AGENT_EXPORTER_URL, AGENT_EXPORTER_DATA_DIR }, line)
  }
  const appears = (run: TerminalRun, text: string | RegExp) =>
    eventually(`${text} is shown`, () => (run.text().match(text) ? true : undefined))

  it.each([
    ['top', 'q'],
    ['top', '\x03'],
    ['metrics --watch --interval 1s', 'q'],
    ['metrics --watch --interval 1s', '\x03'],
  ])('%s ends on the key %j and gives the terminal back', async (what, key) => {
    const run = live(what)
    await appears(run, /hungry .*critical/)
    run.type(key)
    await run.exit
    const text = run.text()
    expect(text).toContain('code=0')
    expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR))
    expect(text).toContain(LEAVE_SCREEN)
    // What raw mode switches off is on again.
    for (const mode of ['icanon', 'echo', 'isig']) expect(text).toMatch(new RegExp(`[ \\n]${mode}[ \\r\\n]`))
  })

  it('top is sorted by the keys', async () => {
    const run = live('top')
    await appears(run, 'hungry')
    run.type('m')
    await appears(run, 'by memory')
    run.type('n')
    await appears(run, 'by name')
    run.type('q')
    await run.exit
  })

  it('top gives the terminal back when it is terminated', async () => {
    const run = live('top & wait_for=$!; read -r _; kill $wait_for; wait $wait_for')
    await appears(run, 'hungry')
    run.type('\n')
    await run.exit
    const text = run.text()
    expect(text).toContain('code=143')
    expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR))
  })

  it('R29 metrics --watch --json prints a line for every look', async () => {
    const run = live('metrics --watch --json --interval 1s | head -n 2')
    await run.exit
    const lines = run
      .text()
      .split('\n')
      .filter((line) => line.startsWith('{"agents"'))
    expect(lines).toHaveLength(2)
  })
})
