import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { eventually } from '../support/child.ts'
import { BIN, startDaemon } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startAgent } from '../support/processes.ts'
import { describeWith } from '../support/services.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')
const UNIT = join(DEPLOY, 'systemd/agent-exporter.service')
/** What `systemd-analyze security` calls OK; above 4 it says MEDIUM. */
const MOST_EXPOSED = 35

describeWith('systemd-analyze', 'units of systemd', (paths) => {
  /** Says what it finds on stderr and ends with 0 all the same. The program of the unit is not installed here. */
  function verify(unit: string, spoilt = unit, spoil: (text: string) => string = (text) => text) {
    using folder = temporaryFolder()
    cpSync(join(DEPLOY, 'systemd'), folder.path, { recursive: true })
    const edit = (path: string, change: (text: string) => string) => {
      const file = join(folder.path, path)
      writeFileSync(file, change(readFileSync(file, 'utf8')))
    }
    edit(unit, (text) => text.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'))
    edit(spoilt, spoil)
    const runtime = join(folder.path, 'run')
    mkdirSync(runtime, { mode: 0o700 })
    const user = unit.startsWith('user/') ? ['--user'] : []
    const { stderr } = spawnSync(
      paths['systemd-analyze'],
      ['verify', '--man=no', '--generators=no', ...user, join(folder.path, unit)],
      { encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: runtime } },
    )
    // It also speaks of units of this machine.
    return stderr
      .split('\n')
      .filter((line) => line.includes('agent-exporter'))
      .join('\n')
  }
  const SYSTEM = 'agent-exporter.service'
  const USER = 'user/agent-exporter.service'

  it('are understood, with their drop-ins', () => {
    expect(verify(SYSTEM)).toBe('')
    expect(verify(USER)).toBe('')
  })

  it.each<[string, string, string, string, string]>([
    ['a key', SYSTEM, 'ProtectHome=', 'ProtectHomo=', "Unknown key 'ProtectHomo'"],
    ['a value', SYSTEM, 'Type=exec', 'Type=exek', 'ignoring: exek'],
    ['a filter', USER, '@system-service', '@system-servise', '@system-servise'],
    ['a drop-in', `${SYSTEM}.d/docker.conf`, 'SupplementaryGroups', 'Groups', "Unknown key 'Groups'"],
  ])('are found wrong in %s', (_, path, right, wrong, message) => {
    const unit = path === USER ? USER : SYSTEM
    expect(verify(unit, path, (text) => text.replace(right, wrong))).toContain(message)
  })

  it('name capabilities that there are', () => {
    const { stdout } = spawnSync(paths['systemd-analyze'], ['capability', '--no-pager'], { encoding: 'utf8' })
    const named = [UNIT, `${UNIT}.d/measure-only.conf`].flatMap(
      (file) => readFileSync(file, 'utf8').match(/\bCAP_[A-Z_]+/g) ?? [],
    )
    expect(new Set(named).size).toBe(4)
    for (const name of named) expect(stdout).toMatch(new RegExp(`^${name.toLowerCase()}\\s`, 'm'))
  })

  it('leave little exposed', () => {
    const { status, stdout } = spawnSync(
      paths['systemd-analyze'],
      ['security', '--offline=true', `--threshold=${MOST_EXPOSED}`, '--no-pager', UNIT],
      { encoding: 'utf8' },
    )
    expect(stdout).toMatch(/Overall exposure level for agent-exporter\.service: [0-3]\.\d OK/)
    expect(status).toBe(0)
  })
})

/** nobody, on every Linux. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
const mayRun = () =>
  spawnSync('setpriv', [`--reuid=${NOBODY}`, '--clear-groups', process.execPath, BIN, '--version'], {
    cwd: '/',
  }).status === 0
const reason = !isRoot
  ? ' (needs root, to become somebody else)'
  : mayRun()
    ? ''
    : ' (needs a built clone that other users may read)'

describe.skipIf(reason !== '')(`the capabilities of the unit${reason}`, () => {
  const capabilities = /^AmbientCapabilities=(.+)$/m.exec(readFileSync(UNIT, 'utf8'))?.[1]?.split(' ') ?? []
  const plus = capabilities.map((name) => `+${name.slice('CAP_'.length).toLowerCase()}`).join()

  it("are enough for another user to read other users' agents, and to stop them", async () => {
    using home = temporaryFolder()
    chmodSync(home.path, 0o755)
    const data = join(home.path, 'data')
    mkdirSync(data, { mode: 0o700 })
    chownSync(data, NOBODY, NOBODY)
    const id = `of-another-user-${process.pid}`
    await using other = await startAgent('idle', { id })
    await using daemon = await startDaemon({
      dataDir: data,
      config: {
        agents: { discovery: { containers: false } },
        control: { enforceDiscovered: true, lock: `deploy-${process.pid}` },
      },
      node: 'setpriv',
      nodeArgs: [
        ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs'],
        ...[`--bounding-set=-all,${plus}`, `--inh-caps=${plus}`, `--ambient-caps=${plus}`],
        ...['--', process.execPath],
      ],
      env: { HOME: home.path, DOCKER_HOST: 'unix:///nonexistent.sock' },
    })
    // Found by its environment, which only SYS_PTRACE may read, as its io.
    const page = await eventually('the agent is measured', async () => {
      const text = await daemon.scrape()
      return text.includes(`agent_io_read_bytes_total{agent="${id}"}`) ? text : undefined
    })
    expect(page).toContain(`agent_open_fds{agent="${id}"}`)

    const token = readFileSync(join(data, 'control.token'), 'utf8').trim()
    const answer = await daemon.get(`/api/v1/agents/${id}/pause?wait=30s`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'a test' }),
    })
    expect(await answer.json()).toMatchObject({ status: 'done' })
    expect(readFileSync(`/proc/${other.pid}/stat`, 'utf8')).toMatch(/\) T /)
  })
})

describeWith('promtool', 'the PrometheusRule of Kubernetes', (paths) => {
  it('is what Prometheus loads, once it is unwrapped', () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'rules.yml')
    const { spec } = parse(readFileSync(join(DEPLOY, 'kubernetes/generated/prometheus-rule.yaml'), 'utf8'))
    const check = (rules: object) => {
      writeFileSync(file, stringify(rules))
      return spawnSync(paths['promtool'], ['check', 'rules', '--lint=all', '--lint-fatal', file], {
        encoding: 'utf8',
      })
    }
    const { status, stdout, stderr } = check(spec)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(stdout).toMatch(/SUCCESS: [1-9]\d+ rules found/)
    const spoilt = structuredClone(spec)
    spoilt.groups[0].rules[0].expr += ' >'
    expect(check(spoilt).status).not.toBe(0)
  })
})
