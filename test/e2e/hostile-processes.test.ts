import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/child.ts'
import { type Daemon, STOPS_WITHIN_MS, startDaemon } from '../support/daemon.ts'
import { type ParsedExposition, parseExposition } from '../support/exposition-parser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Stranger, startMarked, startStranger } from '../support/stranger.ts'

const SLEEP = '/bin/sleep'
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
/** CONTROL: agents that one user may name within an hour. */
const SELF_MADE_PER_HOUR = 64

describe('processes that want to break the daemon', () => {
  const folder = temporaryFolder()
  const strangers: Stranger[] = []
  let daemon: Daemon

  beforeAll(async () => {
    daemon = await startDaemon()
  })
  afterAll(async () => {
    await Promise.all(strangers.map((stranger) => stranger.stop()))
    await daemon[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  const keep = async (starting: Promise<Stranger>): Promise<Stranger> => {
    const stranger = await starting
    strangers.push(stranger)
    return stranger
  }

  /** Both formats must be readable to the letter whatever the processes are called. */
  async function scrape(): Promise<ParsedExposition> {
    parseExposition(await daemon.scrape('text'), 'text')
    return parseExposition(await daemon.scrape('openmetrics'), 'openmetrics')
  }

  const seen = (id: string) =>
    eventually(`the agent ${id} is measured`, async () => {
      const page = await scrape()
      return page.values.get(`agent_processes{agent="${id}"}`) === undefined ? undefined : page
    })

  /** The labels of the agent's `agent_info`. */
  const infoOf = (page: ParsedExposition, id: string) =>
    page.samples.find(({ name, labels }) => name === 'agent_info' && labels['agent'] === id)?.labels

  const agentsOf = (page: ParsedExposition) =>
    page.samples.flatMap(({ name, labels }) => (name === 'agent_info' ? [labels['agent']] : []))

  it('reads its variable behind more than a megabyte of environment', async () => {
    const env = Object.fromEntries(
      Array.from({ length: 12 }, (_, n) => [`A_FILLER_${n}`, `${n}`.padEnd(120 * 1024, 'x')]),
    )
    await keep(startStranger(SLEEP, ['600'], { env: { ...env, AGENT_EXPORTER_AGENT: 'behind-a-megabyte' } }))
    const page = await seen('behind-a-megabyte')
    expect(page.values.get('agent_processes{agent="behind-a-megabyte"}')).toBe(1)
  })

  it('reads its variable among thousands of others', async () => {
    const env = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`AGENT_EXPORTE_${n}`, 'x']))
    await keep(startStranger(SLEEP, ['600'], { env: { ...env, AGENT_EXPORTER_AGENT: 'among-thousands' } }))
    await seen('among-thousands')
  })

  it('ignores an id that is none, and takes nothing of it into a label', async () => {
    const bad = {
      quote: 'evil"id',
      backslash: 'evil\\id',
      newline: 'evil\nid',
      parent: '../evil',
      slash: 'evil/id',
      space: 'evil id',
      empty: '',
      long: 'evil'.repeat(33),
      huge: 'evil'.repeat(25_000),
      label: 'evil",agent="other',
      bidi: 'evil\u202eid',
      unicode: 'evilé',
    }
    for (const id of Object.values(bad))
      await keep(startStranger(SLEEP, ['600'], { env: { AGENT_EXPORTER_AGENT: id } }))
    await keep(startMarked("AGENT_EXPORTER_AGENT=$(printf 'evil\\377') ; export AGENT_EXPORTER_AGENT"))
    await keep(startStranger(SLEEP, ['600'], { env: { AGENT_EXPORTER_AGENT: 'after-the-bad' } }))
    const page = await seen('after-the-bad')
    expect(JSON.stringify(page.samples)).not.toContain('evil')
    const listed = await (await daemon.get('/api/v1/agents?limit=1000')).text()
    expect(listed).not.toContain('evil')
  })

  it('takes the longest id there may be', async () => {
    const id = 'L'.repeat(128)
    await keep(startStranger(SLEEP, ['600'], { env: { AGENT_EXPORTER_AGENT: id } }))
    const page = await seen(id)
    expect(infoOf(page, id)).toBeDefined()
    expect((await daemon.get(`/api/v1/agents/${id}`)).status).toBe(200)
  })

  it.each([
    ['spaces', 'my agent 1'],
    ['brackets and a closing one', 'a) R 1 (b'],
    ['only brackets', ')))((('],
    ['a newline', 'a\nState: Z'],
    ['an escape sequence', '\u001b[31mred\u001b[0m'],
    ['a tab and a quote', 'a\t"b\\'],
    ['what looks like a stat line', 'x) Z 1 1 1 0'],
    ['more than the kernel keeps', 'a-name-longer-than-fifteen-bytes'],
  ])('measures a process whose name has %s', async (what, name) => {
    const program = join(folder.path, name)
    copyFileSync(SLEEP, program)
    const id = `name-${what.replaceAll(/\W+/g, '-')}`
    const stranger = await keep(startStranger(program, ['600'], { env: { AGENT_EXPORTER_AGENT: id } }))
    await seen(id)
    // It may have been seen while it was still being loaded.
    const page = await eventually('its memory is what the kernel says', async () => {
      const found = await scrape()
      const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${stranger.pid}/status`, 'latin1'))?.[1]
      return found.values.get(`agent_memory_rss_bytes{agent="${id}"}`) === Number(rss) * 1024
        ? found
        : undefined
    })
    expect(page.values.get(`agent_processes{agent="${id}"}`)).toBe(1)
    expect(page.values.get(`agent_threads{agent="${id}"}`)).toBe(1)
    expect(page.values.get(`agent_state{agent="${id}",state="exited"}`)).toBe(0)
  })

  it('finds a process with arguments and variables that are not UTF-8', async () => {
    const script = join(folder.path, 'claude')
    writeFileSync(script, '#!/bin/sh\nsleep 600\n', { mode: 0o755 })
    await keep(
      startStranger('/bin/sh', [
        '-c',
        `AGENT_EXPORTER_ROLE=$(printf 'r\\377\\376') AGENT_EXPORTER_AGENT=not-utf8 OTHER=$(printf '\\300\\200') exec ${script} "$(printf '\\377\\n\\033[31m')"`,
      ]),
    )
    const page = await seen('not-utf8')
    const info = infoOf(page, 'not-utf8')
    expect(info?.['vendor']).toBe('claude')
    expect(info?.['role']).toMatch(/^r\ufffd+$/)
  })

  it('follows a process that renames itself while it runs', async () => {
    const script = "printf 'evil) Z (\\n' > /proc/$$/comm; while :; do sleep 600; done"
    await keep(startStranger('/bin/sh', ['-c', script], { env: { AGENT_EXPORTER_AGENT: 'renamed' } }))
    const page = await seen('renamed')
    expect(page.values.get('agent_state{agent="renamed",state="exited"}')).toBe(0)
    expect(page.values.get('agent_threads{agent="renamed"}')).toBeGreaterThan(0)
  })

  it('cleans role and workspace of what would break a page, a log or a terminal', async () => {
    const env = {
      AGENT_EXPORTER_AGENT: 'dressed-up',
      AGENT_EXPORTER_ROLE: `"},agent="x\n\u202eelor\\`,
      AGENT_EXPORTER_WORKSPACE: '/home/jürgen/wörk "space"\n\u202e\u001b[31m',
    }
    await keep(startStranger(SLEEP, ['600'], { env }))
    const info = infoOf(await seen('dressed-up'), 'dressed-up')
    for (const text of [info?.['role'], info?.['workspace']]) {
      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
    }
    expect(info?.['workspace']).toMatch(/^wörk "space"/)
    expect(info?.['role']).toContain('"},agent="x')
  })

  it('keeps role and workspace short in labels', async () => {
    const env = {
      AGENT_EXPORTER_AGENT: 'long-words',
      AGENT_EXPORTER_ROLE: 'r'.repeat(4_000),
      AGENT_EXPORTER_WORKSPACE: `/${'w'.repeat(4_000)}`,
    }
    await keep(startStranger(SLEEP, ['600'], { env }))
    const info = infoOf(await seen('long-words'), 'long-words')
    expect(info?.['role']?.length).toBeLessThanOrEqual(128)
    expect(info?.['workspace']?.length).toBeLessThanOrEqual(256)
  })

  it.runIf(isRoot)('lets one user name 64 agents an hour and no more', async () => {
    const many = Array.from({ length: SELF_MADE_PER_HOUR + 10 }, (_, n) =>
      keep(
        startStranger(SLEEP, ['600'], { uid: NOBODY, cwd: '/', env: { AGENT_EXPORTER_AGENT: `flood-${n}` } }),
      ),
    )
    await Promise.all(many)
    await keep(startStranger(SLEEP, ['600'], { env: { AGENT_EXPORTER_AGENT: 'after-the-flood' } }))
    const flood = (page: ParsedExposition) => agentsOf(page).filter((id) => id?.startsWith('flood-')).length
    await eventually(
      'the flood is seen',
      async () => flood(await scrape()) >= SELF_MADE_PER_HOUR || undefined,
    )
    await seen('after-the-flood')
    await delay(3_000)
    expect(flood(await scrape())).toBe(SELF_MADE_PER_HOUR)
  })

  it('keeps its numbers, its descriptors and its memory under a storm of short processes', async () => {
    const steady = await keep(startStranger(SLEEP, ['600'], { env: { AGENT_EXPORTER_AGENT: 'steady' } }))
    await seen('steady')
    const fds = () => readdirSync(`/proc/${daemon.pid}/fd`).length
    const before = fds()
    const storm =
      'end=$(($(date +%s) + 4)); n=0; while [ $(date +%s) -lt $end ] || [ $n -le 500 ]; do for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true & done; wait; n=$((n + 12)); done; echo $n'
    const count = Number(execStorm(storm))
    expect(count).toBeGreaterThan(500)
    const page = await scrape()
    expect(page.values.get('agent_processes{agent="steady"}')).toBe(1)
    expect(page.values.get('agent_scrape_collector_success{collector="process"}')).toBe(1)
    expect(readFileSync(`/proc/${steady.pid}/comm`, 'utf8')).toBe('sleep\n')
    await eventually('the descriptors are given back', () => fds() <= before + 5 || undefined)
    expect(daemon.child.ended).toBeUndefined()
  })

  it('has not logged a failure, and no control character, in all of this', () => {
    const log = daemon.child.output()
    expect(log).not.toMatch(/level=error|Unhandled|TypeError/)
    expect(log).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/)
  })
})

/** Synchronous on purpose: nothing else of the test runs during the storm. */
function execStorm(script: string): string {
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).trim()
}

/** A `/proc` in which reading one process's command line or environment never ends, as under a stuck mmap lock. */
it.each(['cmdline', 'environ'])('a %s that never answers costs that process only', async (hanging) => {
  using folder = temporaryFolder()
  const proc = join(folder.path, 'proc')
  const hung = await startStranger(SLEEP, ['600'], { env: { AGENT_EXPORTER_AGENT: 'hung' } })
  const good = await startStranger(SLEEP, ['600'], { env: { AGENT_EXPORTER_AGENT: 'good' } })
  try {
    mkdirSync(proc)
    for (const name of [
      'self',
      'sys',
      'stat',
      'meminfo',
      'loadavg',
      'mounts',
      'net',
      'vmstat',
      'uptime',
      '1',
      String(good.pid),
    ])
      symlinkSync(`/proc/${name}`, join(proc, name))
    const spoilt = join(proc, String(hung.pid))
    mkdirSync(spoilt)
    for (const name of ['stat', 'status', 'io', 'fd', 'cgroup', 'comm', 'cmdline', 'environ', 'cwd', 'task'])
      if (name !== hanging) symlinkSync(`/proc/${hung.pid}/${name}`, join(spoilt, name))
    execFileSync('mkfifo', [join(spoilt, hanging)])
    await using daemon = await startDaemon({ args: [`--path.procfs=${proc}`] })
    const page = await eventually('the good one is measured', async () => {
      const parsed = parseExposition(await daemon.scrape('text'), 'text')
      return parsed.values.get('agent_processes{agent="good"}') === 1 ? parsed : undefined
    })
    expect(page.values.get('agent_scrape_collector_success{collector="process"}')).toBe(1)
    expect(page.values.get('agent_processes{agent="hung"}')).toBeUndefined()
    const { code, signal, tookMs } = await daemon.stop()
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(tookMs).toBeLessThan(STOPS_WITHIN_MS)
  } finally {
    await Promise.all([hung.stop(), good.stop()])
    rmSync(proc, { recursive: true, force: true })
  }
})
