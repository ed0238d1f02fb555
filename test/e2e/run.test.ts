import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mintAgentToken } from '../../src/platform/http/agent-token.ts'
import { eventually } from '../support/child.ts'
import {
  field,
  finishRun,
  isRunning,
  onTerminal,
  pidIn,
  runLine,
  startRun,
  TOKEN,
  world,
} from '../support/run-world.ts'

/** A program for `sh -c` that says `ready` and then what signals it gets. */
const LISTENER = `
for s in TERM HUP USR1 USR2 INT CONT; do trap "echo got-$s" $s; done
trap 'echo got-WINCH' WINCH
echo ready
while [ ! -e "$0" ]; do sleep 0.05; done`

describe('how it ends', () => {
  it.each([
    ['0 of a command that succeeds', ['true'], 0],
    ['the command’s own code', ['sh', '-c', 'exit 3'], 3],
    ['126 when it cannot be executed', ['/etc/passwd'], 126],
    ['127 when it is not there', ['no-such-command'], 127],
    ['127 when its interpreter is not there', ['SCRIPT'], 127],
  ])('ends with %s', async (_what, command, code) => {
    using place = world()
    const script = join(place.path, 'script')
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 })
    const result = await finishRun(
      place.env,
      '--',
      ...command.map((word) => (word === 'SCRIPT' ? script : word)),
    )
    expect(result).toMatchObject({ code, signal: null })
  })

  it.each(['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGPIPE', 'SIGUSR2'] as const)(
    'dies of %s when the command does, so that a shell sees it',
    async (signal) => {
      using place = world()
      const result = await finishRun(place.env, '--', 'sh', '-c', `kill -${signal.slice(3)} $$`)
      expect(result).toMatchObject({ code: null, signal })
    },
  )

  it('ends with 125 for a failure of its own and starts nothing', async () => {
    using place = world()
    const mark = join(place.path, 'mark')
    const result = await finishRun(place.env, '--require', '--', 'touch', mark)
    expect(result.code).toBe(125)
    expect(result.output).toContain('touch was not started: no agent-exporter answers')
    expect(existsSync(mark)).toBe(false)
  })

  it('says only what it has to say itself', async () => {
    using place = world()
    for (const command of ['exit 0', 'exit 3', 'kill -TERM $$']) {
      const { output } = await finishRun(place.env, '--', 'sh', '-c', command)
      const strange = output.split('\n').filter((line) => line !== '' && !line.startsWith('agent-exporter: '))
      expect(strange).toEqual([])
    }
  })

  it('ends with 2 on a wrong budget and names the right one', async () => {
    using place = world()
    const result = await finishRun(place.env, '--budget', 'tokns=200k', '--', 'true')
    expect(result.code).toBe(2)
    expect(result.output).toContain('did you mean tokens?')
  })
})

describe('what the command sees', () => {
  it('is told who it is, and gets a token of its own in place of an inherited one', async () => {
    using place = world({
      AGENT_EXPORTER_TOKEN: 'a-control-token-of-the-caller',
      AGENT_EXPORTER_ROLE: 'of the caller',
      AGENT_EXPORTER_INCARNATION: 'of:the:caller',
      AGENT_EXPORTER__STORE__URL: 'postgres://user:secret@host/database',
    })
    const { stdout } = await finishRun(
      place.env,
      '--id=me',
      '--',
      'sh',
      '-c',
      'env; echo STAT=$(cat /proc/$$/stat); echo NS=$(readlink /proc/$$/ns/pid)',
    )
    const seen = Object.fromEntries(
      stdout.split('\n').map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
    )
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = seen['STAT'] as string
    expect(seen).toMatchObject({
      AGENT_EXPORTER_URL: 'http://127.0.0.1:9',
      AGENT_EXPORTER_AGENT: 'me',
      AGENT_EXPORTER_WORKSPACE: process.cwd(),
      AGENT_EXPORTER_TOKEN: mintAgentToken(TOKEN, 'me'),
      AGENT_EXPORTER_INCARNATION: `${boot}:${seen['NS']?.replace(/\D/g, '')}:${stat.split(' ')[0]}:${field(stat, 22)}`,
    })
    expect(seen).not.toHaveProperty('AGENT_EXPORTER_ROLE')
    expect(stdout).not.toContain('secret')
  })

  it('gets no token at all without a control token', async () => {
    using place = world({ AGENT_EXPORTER_TOKEN: 'inherited', AGENT_EXPORTER_DATA_DIR: '/nonexistent' })
    const { output, stdout } = await finishRun(place.env, '--', 'env')
    expect(stdout).not.toContain('AGENT_EXPORTER_TOKEN')
    expect(output).toContain('no control token can be read')
  })

  it('keeps variables that a shell would drop', async () => {
    using place = world({ 'BASH_FUNC_hello%%': '() { echo hi; }' })
    expect((await finishRun(place.env, '--', 'env')).stdout).toContain('BASH_FUNC_hello%%=() { echo hi; }')
  })

  it('has a session of its own when there is no terminal', async () => {
    using place = world()
    const { stdout } = await finishRun(place.env, '--', 'cat', '/proc/self/stat')
    expect(field(stdout, 6)).toBe(stdout.split(' ')[0])
  })
})

describe('signals', () => {
  it('hands them on, each once', async () => {
    using place = world()
    const go = join(place.path, 'go')
    const child = await startRun(place.env, ['--grace=600', '--', 'sh', '-c', LISTENER, go])
    await eventually('the listener is ready', () => child.stdout().includes('ready') || undefined)
    const sent = ['USR1', 'USR2', 'HUP', 'INT', 'CONT', 'WINCH', 'TERM'] as const
    for (const name of sent) {
      process.kill(child.pid, `SIG${name}`)
      await eventually(`${name} arrives`, () => child.stdout().includes(`got-${name}`) || undefined)
    }
    writeFileSync(go, '')
    expect(await child.exit()).toEqual({ code: 0, signal: null })
    expect(child.stdout().trim().split('\n').slice(1)).toEqual(sent.map((name) => `got-${name}`))
  })

  it('kills the whole tree at a second SIGTERM', async () => {
    using place = world()
    const file = join(place.path, 'inner')
    const deaf = `trap '' TERM; echo $$ >${file}; while :; do sleep 0.05; done`
    const script = `trap 'echo heard' TERM; (${deaf}) & until [ -s ${file} ]; do sleep 0.05; done; echo ready; while :; do sleep 0.05; done`
    const child = await startRun(place.env, ['--grace=600', '--', 'sh', '-c', script])
    await eventually('it is ready', () => child.stdout().includes('ready') || undefined)
    process.kill(child.pid, 'SIGTERM')
    await eventually('the first arrives', () => child.stdout().includes('heard') || undefined)
    process.kill(child.pid, 'SIGTERM')
    expect(await child.exit()).toMatchObject({ signal: 'SIGKILL' })
    expect(isRunning(await pidIn(file))).toBe(false)
  })

  it('kills the tree when the grace is over', async () => {
    using place = world()
    const child = await startRun(place.env, [
      '--grace=0.3',
      '--',
      'sh',
      '-c',
      "trap '' TERM; echo ready; sleep 60; sleep 60",
    ])
    await eventually('it is ready', () => child.stdout().includes('ready') || undefined)
    process.kill(child.pid, 'SIGTERM')
    expect(await child.exit()).toMatchObject({ signal: 'SIGKILL' })
    expect(child.output()).not.toContain('could not be ended')
  })
})

describe('on a terminal', () => {
  it('leaves the command its terminal', async () => {
    using place = world()
    const file = join(place.path, 'asks.sh')
    writeFileSync(
      file,
      'echo ready; read answer </dev/tty; echo "heard $answer" >/dev/tty; cat /proc/self/stat /proc/$PPID/stat\n',
    )
    const { type, text, exit } = onTerminal(place.env, runLine(`--quiet -- sh ${file}`))
    await eventually('it asks', () => text().includes('ready') || undefined)
    type('blue\r')
    expect(await exit).toBe(0)
    expect(text()).toContain('heard blue')
    const [own, wrapper] = text()
      .split(/\r?\n/)
      .filter((line) => /^\d+ \(/.test(line))
    // Same group (5) and session (6) as the wrapper.
    expect([field(own!, 5), field(own!, 6)]).toEqual([field(wrapper!, 5), field(wrapper!, 6)])
  })

  it('lets Ctrl-C reach the command once and dies of it as the command does', async () => {
    using place = world()
    const file = join(place.path, 'counts.sh')
    const script = [
      'n=0',
      "trap 'n=$((n+1))' INT",
      'echo ready',
      'while [ $n = 0 ]; do sleep 0.05; done',
      'sleep 0.3; sleep 0.3',
      'echo count=$n',
      'trap - INT; kill -INT $$',
    ]
    writeFileSync(file, `${script.join('\n')}\n`)
    const { type, text, exit } = onTerminal(place.env, runLine(`--quiet -- sh ${file}`))
    await eventually('it waits', () => text().includes('ready') || undefined)
    type('\x03')
    expect(await exit).toBe(130)
    expect(text()).toContain('count=1')
  })
})

describe('what the command leaves behind', () => {
  /** For a shell: until so much of the file is written that whoever writes it is well under way. */
  const untilLong = (file: string) =>
    `until [ -s ${file} ] && [ "$(wc -c <${file})" -gt 100 ]; do sleep 0.02; done`

  it('is ended, also when it has left the session twice', async () => {
    using place = world()
    const file = join(place.path, 'pid')
    const orphan = `setsid sh -c "trap '' HUP; echo \\$\\$ >${file}; exec sleep 300"`
    const { code, output } = await finishRun(
      place.env,
      '--',
      'sh',
      '-c',
      `(${orphan} &); until [ -s ${file} ]; do sleep 0.02; done`,
    )
    expect(code).toBe(0)
    expect(isRunning(await pidIn(file))).toBe(false)
    expect(output).toContain('ended 1 process that outlived the command')
  })

  it('is killed when it does not listen', async () => {
    using place = world()
    const file = join(place.path, 'pid')
    const deaf = `trap '' TERM; echo $$ >${file}; while :; do sleep 0.1; done`
    await finishRun(
      place.env,
      '--',
      'sh',
      '-c',
      `sh -c '${deaf.replaceAll("'", `'\\''`)}' & until [ -s ${file} ]; do sleep 0.02; done`,
    )
    expect(isRunning(await pidIn(file))).toBe(false)
  })

  it('is ended also when it is a relay that forks and exits', async () => {
    using place = world()
    const relay = join(place.path, 'relay.sh')
    const trace = join(place.path, 'trace')
    // It ends by itself with the folder, and holds nothing open that the test waits for.
    writeFileSync(relay, `trap '' TERM\necho >>${trace}\n[ -e ${trace} ] && sh ${relay} >/dev/null 2>&1 &\n`)
    const { code } = await finishRun(place.env, '--', 'sh', '-c', `sh ${relay} & ${untilLong(trace)}`)
    expect(code).toBe(0)
    const before = readFileSync(trace).length
    expect(before).toBeGreaterThan(10)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(readFileSync(trace).length).toBe(before)
  })

  it('is ended also when each step of it is a session of its own', async () => {
    using place = world()
    const relay = join(place.path, 'relay.pl')
    const trace = join(place.path, 'trace')
    writeFileSync(
      relay,
      `use POSIX; $SIG{TERM} = 'IGNORE'; open(my $out, '>>', '${trace}'); syswrite($out, '.');
while (1) { exit 0 unless -e '${trace}'; POSIX::setsid(); syswrite($out, '.'); for (1 .. 5000) {} exit 0 if fork(); }`,
    )
    const { code, output } = await finishRun(
      place.env,
      '--',
      'sh',
      '-c',
      `perl ${relay} >/dev/null 2>&1 & ${untilLong(trace)}`,
    )
    expect(code).toBe(0)
    const before = readFileSync(trace).length
    expect(before).toBeGreaterThan(10)
    expect(output).toContain('outlived the command')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(readFileSync(trace).length).toBe(before)
  })

  it('stays with --keep-children', async () => {
    using place = world()
    const file = join(place.path, 'pid')
    await finishRun(
      place.env,
      '--keep-children',
      '--',
      'sh',
      '-c',
      `sleep 300 >/dev/null 2>&1 & echo $! >${file}`,
    )
    const pid = await pidIn(file)
    expect(isRunning(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
  })

  it('is spared when it is a daemon of the user’s session', async () => {
    using place = world()
    const file = join(place.path, 'pid')
    const { output } = await finishRun(
      place.env,
      '--',
      'sh',
      '-c',
      `ln -s /bin/sleep ${place.path}/ssh-agent; setsid ${place.path}/ssh-agent 300 >/dev/null 2>&1 & echo $! >${file}; until [ "$(cat /proc/$!/comm)" = ssh-agent ]; do sleep 0.02; done`,
    )
    const pid = await pidIn(file)
    expect(isRunning(pid)).toBe(true)
    expect(output).not.toContain('outlived')
    process.kill(pid, 'SIGKILL')
  })
})

describe('subtasks', () => {
  it('are told to the daemon with the token of the wrapper', async () => {
    using place = world()
    const told: { url: string; body: Record<string, unknown>; key: unknown }[] = []
    const uses = () => told.filter(({ url }) => url === '/api/v1/agents/boss/usage')
    const subtasks = () => uses().reduce((sum, { body }) => sum + (body['subtasks'] as number), 0)
    const server = createServer((request, response) => {
      let text = ''
      request.on('data', (piece) => {
        text += piece
      })
      request.on('end', () => {
        told.push({
          url: request.url!,
          body: JSON.parse(text || '{}'),
          key: request.headers['idempotency-key'],
        })
        if (subtasks() >= 2) writeFileSync(counted, '')
        response.writeHead(request.headers.authorization === `Bearer ${TOKEN}` ? 201 : 401)
        response.end('{"incarnation":"i"}')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    copyFileSync('/bin/sleep', join(place.path, 'claude'))
    const claude = `${place.path}/claude`
    const counted = join(place.path, 'counted')
    const env = { ...place.env, AGENT_EXPORTER_URL: `http://127.0.0.1:${port}` }
    const budget = ['--id=boss', '--budget=tokens=200k', '--budget', 'wall_clock=1h', '--profile=production']
    // A while longer than until both are known: each is told of once.
    const script = `${claude} 600 & one=$!; ${claude} 601 & two=$!; until [ -e ${counted} ]; do sleep 0.1; done; sleep 2; kill $one $two`
    await finishRun(env, ...budget, '--', 'sh', '-c', script)
    server.close()
    expect(told[0]).toMatchObject({
      url: '/api/v1/agents',
      body: {
        id: 'boss',
        enforce: true,
        profile: 'production',
        budget: { maxTokensConsumed: 200_000, maxWallClockMs: 3_600_000 },
      },
    })
    expect(subtasks()).toBe(2)
    expect(uses().every(({ body, key }) => body['source'] === 'run' && typeof key === 'string')).toBe(true)
  })
})
