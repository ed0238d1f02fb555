import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { discoveredId } from '../../src/agents/model.ts'
import { readBootId } from '../../src/platform/proc/kernel-facts.ts'
import { eventually } from '../support/child.ts'
import { BIN, cleanEnvironment, startDaemon } from '../support/daemon.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startAgent } from '../support/processes.ts'

/** nobody, on every Linux. */
const NOBODY = 65_534
const AS_NOBODY = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--', process.execPath]

/** Since Linux 6.2 the size of `/proc/<pid>/fd` is the number of descriptors, and anybody may ask for it. */
const isFdCountPublic = statSync('/proc/self/fd').size > 0

const NEEDS_PTRACE = [
  ...['agent_io_read_bytes_total', 'agent_io_write_bytes_total'],
  ...(isFdCountPublic ? [] : ['agent_open_fds']),
]
const PUBLIC = [
  'agent_cpu_seconds_total',
  'agent_memory_rss_bytes',
  'agent_threads',
  'agent_processes',
  'agent_context_switches_total',
  ...(isFdCountPublic ? ['agent_open_fds'] : []),
]

/** Whether that user may run this clone at all: below /root it may not. */
const mayRun = () =>
  spawnSync('setpriv', [...AS_NOBODY, BIN, '--version'], { encoding: 'utf8', cwd: '/' }).status === 0

const isRoot = process.getuid?.() === 0
const reason = !isRoot
  ? ' (needs root, to become somebody else)'
  : !mayRun()
    ? ' (needs a built clone that other users may read)'
    : ''

describe.skipIf(reason !== '')(`a daemon that may not look into other users' processes${reason}`, () => {
  it('shows what is public of them, leaves the rest absent, and shows all of its own user', async () => {
    using home = homeOfNobody()
    await using others = await startAgent('idle', { id: 'named-in-secret' })
    await using own = await startOwnAgent(home.path)
    await using daemon = await startDaemon({
      node: 'setpriv',
      nodeArgs: AS_NOBODY,
      args: [`--data.dir=${join(home.path, 'data')}`],
      env: { XDG_CONFIG_HOME: home.path, HOME: home.path, DOCKER_HOST: 'unix:///nonexistent.sock' },
    })
    const seen = (agent: string, page: string) =>
      new Set(
        parseExposition(page, 'openmetrics')
          .samples.filter(({ labels }) => labels['agent'] === agent)
          .map(({ name }) => name),
      )

    const ownId = 'own-agent'
    const page = await eventually('both agents are found and measured', async () => {
      const text = await daemon.scrape()
      expect([...seen(ownId, text)]).toEqual(expect.arrayContaining([...PUBLIC, ...NEEDS_PTRACE]))
      expect([...seen(idOf(others.pid), text)]).toEqual(expect.arrayContaining(PUBLIC))
      return text
    })
    expect(own.pid).toBeGreaterThan(1)
    const ofOthers = seen(idOf(others.pid), page)
    for (const name of NEEDS_PTRACE) expect(ofOthers).not.toContain(name)
    // Its environment names it, but only those who may read it can know.
    expect(page).not.toContain('named-in-secret')
    expect(daemon.child.ended).toBeUndefined()
    expect((await daemon.stop()).code).toBe(0)
  })

  it('doctor says so, and what it costs', () => {
    using home = homeOfNobody()
    const { status, stdout } = spawnSync('setpriv', [...AS_NOBODY, BIN, 'doctor', '--json'], {
      encoding: 'utf8',
      cwd: '/',
      env: { ...cleanEnvironment(), HOME: home.path, XDG_CONFIG_HOME: home.path },
    })
    expect(status).toBe(0)
    const users = (JSON.parse(stdout) as { name: string }[]).find(({ name }) => name === 'other users')
    expect(users).toMatchObject({
      state: 'limited',
      detail: 'CAP_SYS_PTRACE is not held',
      cost: expect.stringContaining('I/O'),
    })
  })
})

function homeOfNobody() {
  const home = temporaryFolder()
  chownSync(home.path, NOBODY, NOBODY)
  return home
}

async function startOwnAgent(folder: string): Promise<{ readonly pid: number } & AsyncDisposable> {
  const script = join(folder, 'claude')
  writeFileSync(script, 'setInterval(() => {}, 60_000)')
  chmodSync(script, 0o644)
  const child = spawn(process.execPath, [script], {
    uid: NOBODY,
    gid: NOBODY,
    cwd: folder,
    stdio: 'ignore',
    env: { ...cleanEnvironment(), AGENT_EXPORTER_AGENT: 'own-agent' },
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  return {
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** What a daemon calls a process that it knows only by its command. */
function idOf(pid: number): string {
  const space = { bootId: readBootId() ?? 'unknown', pidNamespace: '' }
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Field 22 of proc_pid_stat(5), which is the 20th after the name.
  const startTime = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  return discoveredId('claude', space, { pid, startTime })
}
