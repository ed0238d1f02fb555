import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/child.ts'
import { runCommand } from '../support/command.ts'
import { type Daemon, STOPS_WITHIN_MS, startDaemon } from '../support/daemon.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Stranger, startStranger } from '../support/stranger.ts'

const THOUSAND = 1_000
const SCRAPE_MS = 2_000
/** Inodes of the TCP sockets that a process accepts connections at (proc(5), /proc/net/tcp: state 0A). */
function listeningSocketsOf(pid: number): readonly string[] {
  const inodes = ['tcp', 'tcp6'].flatMap((file) =>
    readFileSync(`/proc/${pid}/net/${file}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A')
      .map((fields) => fields[9]),
  )
  return readdirSync(`/proc/${pid}/fd`)
    .flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    })
    .filter((inode) => inodes.includes(inode))
    .toSorted()
}

/** Fewer descriptors than 30 agents of three files each would like. */
const FEW_DESCRIPTORS = 64

const valuesOf = async (daemon: Daemon) => parseExposition(await daemon.scrape('text'), 'text').values

const liveIn = (values: ReadonlyMap<string, number>, prefix: string) =>
  [...values].filter(([key, value]) => key.startsWith(`agent_processes{agent="${prefix}`) && value > 0).length

describe('signals', () => {
  it('SIGTERM ends within 5 s with 0 while clients are slow, idle and half way through a request', async () => {
    await using daemon = await startDaemon()
    const [host, port] = daemon.address.split(':')
    const open = async (text: string) => {
      const socket = connect(Number(port), host)
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(text)
      return socket
    }
    const sockets = [
      await open(''),
      await open('GET /metrics HTTP/1.1\r\nHost: 127.0'),
      await open(
        'POST /api/v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"id"',
      ),
      await open('GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
    ]
    // A scraper that asks and never reads.
    const deaf = await open('GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(200))
    deaf.pause()
    await delay(300)
    const ended = await daemon.stop()
    expect({ code: ended.code, signal: ended.signal }).toEqual({ code: 0, signal: null })
    expect(ended.tookMs).toBeLessThan(STOPS_WITHIN_MS)
    for (const socket of [...sockets, deaf]) socket.destroy()
  })

  it('SIGHUP with a bad file leaves the old configuration in force and says so', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'config.yaml')
    writeFileSync(file, 'auth: { anonymous: { loopback: [metrics] } }')
    await using daemon = await startDaemon({ args: [`--config.file=${file}`] })
    const reloaded = (wanted: number) =>
      eventually('the outcome of the reload is seen', async () => {
        const values = await valuesOf(daemon)
        return values.get('agent_exporter_config_last_reload_successful') === wanted || undefined
      })
    await reloaded(1)
    const status = async () => (await daemon.get('/api/v1/agents')).status
    expect(await status()).toBe(401)
    for (const bad of [
      'auth: { anonymous: { loopback: [read, nonsense] } }',
      ']',
      'auth: { tokens: [{ name: x, scopes: [read], file: /nonexistent }] }',
    ]) {
      writeFileSync(file, bad)
      process.kill(daemon.pid, 'SIGHUP')
      await reloaded(0)
      expect(await status()).toBe(401)
      writeFileSync(file, 'auth: { anonymous: { loopback: [metrics] } }')
      process.kill(daemon.pid, 'SIGHUP')
      await reloaded(1)
    }
    writeFileSync(file, 'auth: { anonymous: { loopback: [metrics, read] } }')
    process.kill(daemon.pid, 'SIGHUP')
    await eventually('the good file is in force', async () => (await status()) === 200 || undefined)
  })

  it('SIGUSR1 neither opens an inspector nor ends it', async () => {
    await using daemon = await startDaemon()
    const before = listeningSocketsOf(daemon.pid)
    expect(before).toHaveLength(1)
    process.kill(daemon.pid, 'SIGUSR1')
    await delay(1_000)
    expect((await daemon.get('/-/ready')).status).toBe(200)
    expect(daemon.child.output()).not.toMatch(/Debugger listening|ws:\/\//)
    expect(listeningSocketsOf(daemon.pid)).toEqual(before)
  })

  it('a second SIGTERM while it drains ends it at once', async () => {
    await using daemon = await startDaemon()
    const [host, port] = daemon.address.split(':')
    const socket = connect(Number(port), host)
    socket.on('error', () => {})
    await once(socket, 'connect')
    let said = ''
    socket.setEncoding('latin1').on('data', (text: string) => {
      said += text
    })
    socket.write(
      'POST /api/v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n{"id"',
    )
    await eventually('it waits for the rest of the request', () => said.includes('100 Continue') || undefined)
    process.kill(daemon.pid, 'SIGTERM')
    const isRefused = () =>
      new Promise<true | undefined>((resolve) => {
        const another = connect(Number(port), host)
        another.once('error', () => resolve(true))
        another.once('connect', () => {
          another.destroy()
          resolve(undefined)
        })
      })
    await eventually('it drains', isRefused, 60_000, 5)
    process.kill(daemon.pid, 'SIGTERM')
    // Who has drained to the end says 0.
    expect(await daemon.child.exit()).toEqual({ code: 1, signal: null })
    socket.destroy()
  })
})

describe('a second daemon', () => {
  it('on the same address ends with 1 and leaves the first alone', async () => {
    await using first = await startDaemon()
    using folder = temporaryFolder()
    const second = await runCommand([
      `--web.listen-address=${first.address}`,
      `--data.dir=${join(folder.path, 'data')}`,
    ])
    expect(second.code).toBe(1)
    expect(second.stderr).toContain('another program listens there already')
    expect((await valuesOf(first)).get('agent_exporter_store_up')).toBe(1)
  })

  it('on the same data directory damages nothing of the first', async () => {
    await using first = await startDaemon()
    await using second = await startDaemon({ args: [`--data.dir=${first.dataDir}`] })
    const register = (daemon: Daemon, id: string) =>
      daemon.get('/api/v1/agents', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id }),
      })
    for (let n = 0; n < 20; n++) {
      expect((await register(first, `first-${n}`)).status).toBe(201)
      expect((await register(second, `second-${n}`)).status).toBe(201)
    }
    await second.stop()
    expect((await valuesOf(first)).get('agent_exporter_store_up')).toBe(1)
    await first.child.stop('SIGKILL')
    await using third = await startDaemon({ args: [`--data.dir=${first.dataDir}`] })
    const answer = await third.get('/api/v1/agents?limit=1000')
    const ids = ((await answer.json()) as { items: { id: string }[] }).items.map(({ id }) => id)
    for (let n = 0; n < 20; n++) expect(ids).toEqual(expect.arrayContaining([`first-${n}`, `second-${n}`]))
  })
})

describe('scarcity', () => {
  it(`measures more agents than ${FEW_DESCRIPTORS} descriptors could hold open, all of them rightly`, async () => {
    const agents: Stranger[] = []
    const count = 60
    try {
      for (let n = 0; n < count; n++)
        agents.push(
          await startStranger('/bin/sleep', ['600'], { env: { AGENT_EXPORTER_AGENT: `scarce-${n}` } }),
        )
      await using daemon = await startDaemon()
      execFileSync('prlimit', ['--pid', String(daemon.pid), `--nofile=${FEW_DESCRIPTORS}:${FEW_DESCRIPTORS}`])
      await checkAll(daemon)
      // And from the first moment on.
      using folder = temporaryFolder()
      const once = await runLimited(['--once', `--data.dir=${join(folder.path, 'data')}`])
      const values = parseExposition(once, 'text').values
      expect(liveIn(values, 'scarce-')).toBe(count)
    } finally {
      await Promise.all(agents.map((agent) => agent.stop()))
    }

    async function checkAll(daemon: Daemon): Promise<void> {
      const values = await eventually('all are measured, and none is still being loaded', async () => {
        const found = await valuesOf(daemon)
        for (const [n, { pid }] of agents.entries()) {
          const status = readFileSync(`/proc/${pid}/status`, 'utf8')
          const rss = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
          expect(found.get(`agent_memory_rss_bytes{agent="scarce-${n}"}`)).toBe(rss)
        }
        return liveIn(found, 'scarce-') === count ? found : undefined
      })
      for (const n of agents.keys()) expect(values.get(`agent_threads{agent="scarce-${n}"}`)).toBe(1)
      expect(values.get('agent_scrape_collector_success{collector="process"}')).toBe(1)
    }
  })

  async function runLimited(args: readonly string[]): Promise<string> {
    const { BIN, cleanEnvironment } = await import('../support/daemon.ts')
    return execFileSync(
      'prlimit',
      [`--nofile=${FEW_DESCRIPTORS}:${FEW_DESCRIPTORS}`, process.execPath, BIN, ...args],
      { encoding: 'utf8', env: { ...cleanEnvironment(), XDG_CONFIG_HOME: '/nonexistent' } },
    )
  }
})

it(`finds ${THOUSAND} agents that were started at once, scrapes them quickly and lets go of all when they end`, async () => {
  await using daemon = await startDaemon()
  const fds = () => readdirSync(`/proc/${daemon.pid}/fd`).length
  const before = fds()
  const herd = await startStranger('/bin/sh', [
    '-c',
    `n=0; while [ $n -lt ${THOUSAND} ]; do AGENT_EXPORTER_AGENT=herd-$n sleep 600 & n=$((n+1)); done; wait`,
  ])
  try {
    await eventually(
      'all are found',
      async () => liveIn(await valuesOf(daemon), 'herd-') === THOUSAND || undefined,
      60_000,
      500,
    )
    // The quickest of many: whoever else wants the machine makes some of them slow.
    const values = await eventually('a scrape is quick', async () => {
      // What was collected within a second is shared.
      await delay(1_100)
      const from = performance.now()
      const text = await daemon.scrape('text')
      return performance.now() - from < SCRAPE_MS ? parseExposition(text, 'text').values : undefined
    })
    expect(liveIn(values, 'herd-')).toBe(THOUSAND)
    expect(values.get('agent_exporter_series_dropped_total')).toBe(0)
  } finally {
    await herd.stop()
  }
  await eventually('none is left', async () => liveIn(await valuesOf(daemon), 'herd-') === 0 || undefined)
  const values = await valuesOf(daemon)
  expect([...values.keys()].filter((key) => /^agent_(memory|threads|open_fds).*"herd-/.test(key))).toEqual([])
  await eventually('their descriptors are given back', () => fds() <= before + 10 || undefined, 60_000)
})
