import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { identify } from '../../scripts/stack/pid-files.ts'
import { type Child, eventually, freePort, startChild } from '../support/child.ts'
import { cleanEnvironment, startDaemon } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'
import { describeWith } from '../support/services.ts'

const SCRIPT = join(import.meta.dirname, '../../scripts/stack.ts')
const PORTS = ['exporter', 'prometheus', 'alertmanager', 'grafana'] as const
const SERVERS = ['exporter', 'alertmanager', 'prometheus'] as const

interface Stack extends AsyncDisposable {
  readonly child: Child
  readonly folder: string
  readonly ports: Readonly<Record<(typeof PORTS)[number], number>>
  /** What answers under that address, as JSON. */
  json<T>(part: (typeof PORTS)[number], path: string, body?: object): Promise<T>
  pid(name: string): number
}

interface StackOptions {
  readonly folder: string
  readonly ports?: Stack['ports']
  readonly env?: NodeJS.ProcessEnv
  readonly args?: readonly string[]
}

async function freePorts(): Promise<Stack['ports']> {
  const found = await Promise.all(PORTS.map(() => freePort()))
  return Object.fromEntries(PORTS.map((part, index) => [part, found[index]])) as Stack['ports']
}

/** The script itself, as `npm run stack` starts it. Whatever it leaves behind is ended by the pid files. */
async function startStack(options: StackOptions): Promise<Stack> {
  const ports = options.ports ?? (await freePorts())
  const folder = join(options.folder, 'stack')
  const config = join(options.folder, 'exporter.yaml')
  const quiet = { agents: { discovery: { processes: false, containers: false } } }
  const rules = [{ match: { alertname: 'AgentMemoryCritical' }, action: 'notify' }]
  writeFileSync(
    config,
    stringify({ ...quiet, control: { lock: `stack-${ports.exporter}` }, alertmanager: { rules } }),
  )
  const child = await startChild(
    process.execPath,
    [
      ...[SCRIPT, '--data', folder, '--interval', '1s', '--exporter-config', config],
      ...PORTS.map((part) => `--${part}-port=${ports[part]}`),
      ...(options.args ?? []),
    ],
    { env: { ...cleanEnvironment(), HOME: options.folder, ...options.env } },
  )
  const pid = (name: string) =>
    (JSON.parse(readFileSync(join(folder, 'run', `${name}.pid`), 'utf8')) as { pid: number }).pid
  return {
    ...{ child, folder, ports, pid },
    async json(part, path, body) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
      const answer = await fetch(
        `http://127.0.0.1:${ports[part]}${path}`,
        body && { ...init, body: JSON.stringify(body) },
      )
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`)
      return text === '' ? undefined : JSON.parse(text)
    },
    async [Symbol.asyncDispose]() {
      await child.stop('SIGTERM', 40_000)
      for (const name of SERVERS) {
        if (existsSync(join(folder, 'run', `${name}.pid`))) process.kill(pid(name), 'SIGKILL')
      }
    },
  }
}

const running = (stack: Stack): Promise<true> =>
  eventually('the stack runs', () => {
    if (stack.child.ended) throw new Error(stack.child.output())
    return stack.child.stdout().includes('The stack is running') || undefined
  })

/** The free moment of a port ends when somebody else takes it: these ports are asked for only once. */
const isGone = (pid: number): boolean => identify(pid) === undefined

describeWith(['prometheus', 'prometheus-alertmanager'], 'npm run stack', () => {
  let folder = temporaryFolder()
  afterEach(() => {
    folder[Symbol.dispose]()
    folder = temporaryFolder()
  })

  it('starts all of it, lets Alertmanager call back, and stops all of it', async () => {
    // What a script leaves behind that was killed is what the next one ends first.
    const killed = await startStack({ folder: folder.path })
    await running(killed)
    const left = SERVERS.map(killed.pid)
    process.kill(killed.child.pid, 'SIGKILL')
    await killed.child.exit()
    expect(left.filter(isGone)).toEqual([])

    await using stack = await startStack({ folder: folder.path, ports: killed.ports })
    await running(stack)
    expect(left.filter(isGone)).toEqual(left)
    const said = stack.child.stdout()
    expect(said).toMatch(/stopped what an earlier start had left running: .*prometheus/)
    for (const part of ['exporter', 'prometheus', 'alertmanager'] as const) {
      expect(said).toContain(`http://127.0.0.1:${stack.ports[part]}/`)
    }
    expect(said).toContain('dashboards/generated')
    const link = /control page +(\S+) \(good once\)/.exec(said)?.[1] ?? ''
    expect((await fetch(link, { redirect: 'manual' })).status).toBe(303)

    interface Targets {
      readonly data: { readonly activeTargets: { labels: Record<string, string>; health: string }[] }
    }
    await eventually('every target is up', async () => {
      const { data } = await stack.json<Targets>('prometheus', '/api/v1/targets?state=active')
      const up = data.activeTargets.filter(({ health }) => health === 'up').map(({ labels }) => labels['job'])
      return up.sort().join() === 'agent-exporter,alertmanager,prometheus' || undefined
    })
    interface Rules {
      readonly data: { readonly groups: { readonly rules: { health: string; lastError?: string }[] }[] }
    }
    const healths = await eventually('every rule has been evaluated', async () => {
      const { data } = await stack.json<Rules>('prometheus', '/api/v1/rules')
      const rules = data.groups.flatMap((group) => group.rules.map(({ health }) => health))
      return rules.length > 0 && !rules.includes('unknown') ? rules : undefined
    })
    expect(new Set(healths)).toEqual(new Set(['ok']))
    const alertmanagers = await eventually('Prometheus knows Alertmanager', async () => {
      const { data } = await stack.json<{ data: { activeAlertmanagers: object[] } }>(
        'prometheus',
        '/api/v1/alertmanagers',
      )
      return data.activeAlertmanagers.length > 0 ? data.activeAlertmanagers : undefined
    })
    expect(alertmanagers).toHaveLength(1)

    const instance = `127.0.0.1:${stack.ports.exporter}`
    await stack.json('exporter', '/api/v1/agents', { id: 'told' })
    await stack.json('alertmanager', '/api/v2/alerts', [
      { labels: { alertname: 'AgentMemoryCritical', agent: 'told', instance, severity: 'critical' } },
    ])
    interface Alerts {
      readonly items: readonly { readonly alertname: string; readonly agent: string }[]
    }
    const heard = await eventually('the exporter was called back', async () => {
      const { items } = await stack.json<Alerts>('exporter', '/api/v1/alerts')
      return items.length > 0 ? items : undefined
    })
    expect(heard).toMatchObject([{ alertname: 'AgentMemoryCritical', agent: 'told' }])

    const open = ['', 'secrets', 'run', 'config', 'exporter']
    expect(open.map((name) => statSync(join(stack.folder, name)).mode & 0o077)).toEqual(open.map(() => 0))

    // Another with the same folder is refused, and touches nothing.
    await using second = await startStack({ folder: folder.path })
    expect((await second.child.exit()).code).toBe(2)
    expect(second.child.output()).toContain('A stack runs already')

    const pids = SERVERS.map(stack.pid)
    expect((await stack.child.stop('SIGTERM', 40_000)).code).toBe(0)
    expect(stack.child.stdout()).toMatch(
      /stopping prometheus\n.*stopping alertmanager\n.*stopping exporter\n$/s,
    )
    expect(pids.filter(isGone)).toEqual(pids)
    expect(readdirSync(join(stack.folder, 'run'))).toEqual([])
  })

  it('uses an exporter that runs already, and when a part dies says its last words and stops the others', async () => {
    const daemon = await startDaemon({
      dataDir: join(folder.path, 'state/agent-exporter'),
      config: {
        agents: { discovery: { processes: false, containers: false } },
        control: { lock: `stack-daemon-${process.pid}` },
      },
    })
    await using _ = daemon
    const ports = { ...(await freePorts()), exporter: Number(daemon.address.split(':')[1]) }
    await using stack = await startStack({
      folder: folder.path,
      ports,
      env: { AGENT_EXPORTER_DATA_DIR: daemon.dataDir },
    })
    await running(stack)
    expect(stack.child.stdout()).toContain('ran already')
    // Its control token lies in this user's data directory, so Alertmanager may call it back.
    expect(stack.child.stdout()).not.toContain('no way back')
    expect(readFileSync(join(stack.folder, 'config/alertmanager.yml'), 'utf8')).toContain(
      join(daemon.dataDir, 'control.token'),
    )
    const prometheus = stack.pid('prometheus')
    process.kill(stack.pid('alertmanager'), 'SIGKILL')
    expect((await stack.child.exit()).code).toBe(1)
    expect(stack.child.output()).toMatch(/The last lines of .*alertmanager\.log:\n {2}\S/)
    expect(stack.child.output()).toContain('alertmanager ended by SIGKILL')
    expect(isGone(prometheus)).toBe(true)
    expect((await daemon.get('/-/ready')).status).toBe(200)
  })

  it('says everything that is in the way, and starts nothing', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const taken = (server.address() as { port: number }).port
    try {
      const empty = join(folder.path, 'bin')
      mkdirSync(empty)
      const ports = { ...(await freePorts()), prometheus: taken }
      await using stack = await startStack({ folder: folder.path, ports, env: { PATH: empty } })
      expect((await stack.child.exit()).code).toBe(2)
      const said = stack.child.output()
      expect(said).toContain('prometheus is not on the PATH. Debian and Ubuntu: apt-get install prometheus')
      expect(said).toContain('apt-get install prometheus-alertmanager')
      expect(said).toContain(`Port ${taken} for prometheus is taken. Give another with --prometheus-port`)
      expect(existsSync(join(stack.folder, 'logs'))).toBe(false)
    } finally {
      server.close()
    }
  })

  it('names a flag that does not exist', async () => {
    await using stack = await startStack({ folder: folder.path, args: ['--promethius-port=1'] })
    expect((await stack.child.exit()).code).toBe(2)
    expect(stack.child.output()).toMatch(/promethius-port.*npm run stack/s)
  })
})
