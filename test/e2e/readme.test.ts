import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/child.ts'
import { mayOwnNetwork, type OwnNetwork, ownNetwork } from '../support/own-network.ts'
import { createPageShell, type PageShell } from '../support/page-shell.ts'
import { blockOf, readPage } from '../support/pages.ts'
import { describeWith } from '../support/services.ts'

const ROOT = join(import.meta.dirname, '../..')
const README = readPage('README.md')
const sh = (heading: string, nth = 0) => blockOf(README, heading, 'sh', nth).text

/** `.ci/run` has done `npm ci` in this very checkout; everything else of npm is the real one. */
const NPM = (npm: string) => `#!/bin/sh\n[ "$1" != ci ] || exit 0\nexec "${npm}" "$@"\n`

/** The files of this checkout as a clone has them, with what `npm ci` brings. */
function cloneTo(folder: string): void {
  const list = 'git ls-files -z --cached --others --exclude-standard'
  const pack = 'tar --create --null --ignore-failed-read --no-recursion --files-from=- 2>/dev/null'
  mkdirSync(folder)
  execFileSync('sh', ['-c', `${list} | ${pack} | tar --extract --directory="$0"`, folder], { cwd: ROOT })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
}

if (!mayOwnNetwork() && !process.env['CI']) {
  it.skip('the README as written: needs a network namespace, which this user may not make', () => {})
} else {
  describeWith(
    ['ip', 'prometheus', 'prometheus-alertmanager'],
    'the README as written, in a clean clone',
    () => {
      let network: OwnNetwork
      let shell: PageShell
      let clone: string

      beforeAll(async () => {
        network = await ownNetwork()
        shell = createPageShell({}, ['claude'], network.enter)
        clone = join(shell.folder, 'agent-exporter')
        cloneTo(clone)
        const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8', env: shell.env }).trim()
        writeFileSync(join(shell.folder, 'bin/npm'), NPM(npm), { mode: 0o755 })
        Object.assign(shell.env, { AGENT_EXPORTER_DATA_DIR: join(shell.folder, 'data') })
      })

      afterAll(async () => {
        await shell?.[Symbol.asyncDispose]()
        await network?.[Symbol.asyncDispose]()
      })

      const type = (text: string) => shell.run(text, {}, { cwd: clone })
      const get = (url: string) => {
        const { status, stdout } = shell.run(`curl --silent --fail ${url}`)
        return status === 0 ? stdout : undefined
      }

      it('on a laptop: it starts, an agent gets a budget, and a person sees, pauses and resumes it', async () => {
        const npmStart = await shell.start(sh('Quick start: a laptop'), {}, clone)
        await eventually(
          'it is running',
          () => npmStart.output().includes('is running') || undefined,
          120_000,
        )
        expect(npmStart.output()).toMatch(/found .*\n(.*\n)*\s+lacks /)
        await shell.start(sh('Quick start: a laptop', 1), {}, clone)
        await eventually(
          'the agent has its budget',
          () => {
            const page = get('localhost:10780/metrics') ?? ''
            const isMeasured = /^agent_state\{agent="demo",state="(running|idle)"\} 1$/m.test(page)
            return (isMeasured && page.includes('agent_enforced{agent="demo"} 1')) || undefined
          },
          60_000,
          500,
        )
        const seen = type(sh('Quick start: a laptop', 2))
        expect(seen).toMatchObject({ status: 0 })
        expect(seen.stdout).toMatch(/^demo\s+(running|idle)\s/m)
        expect(seen.stdout).toMatch(/demo\s.*pause.*done/)
        expect(seen.stdout).toContain('look at this first')
        expect(seen.stdout).toMatch(/^http:\/\/127\.0\.0\.1:10780\/ui\/enter\S+$/m)
        expect(seen.stdout).toContain(
          'agent_budget_limit{agent="demo",resource="wall_clock",unit="seconds"} 14400',
        )
        await shell.end(npmStart)
      })

      it('on one host: everything runs, Prometheus scrapes, and the rules are loaded', async () => {
        const stack = await shell.start(sh('Quick start: one host'), {}, clone)
        await eventually(
          'the stack is running',
          () => stack.output().includes('The stack is running') || undefined,
          120_000,
        )
        await eventually(
          'Prometheus has scraped the exporter',
          () => {
            const answer = get(
              `--get localhost:9090/api/v1/query --data-urlencode 'query=up{job="agent-exporter"}'`,
            )
            return /"value":\[[\d.]+,"1"\]/.test(answer ?? '') || undefined
          },
          60_000,
          500,
        )
        expect(get('localhost:9090/api/v1/rules')).toContain('AgentMemoryOomImminent')
        expect(get('localhost:9093/api/v2/receivers')).toContain('agent-exporter')
        await shell.end(stack)
        expect(get('localhost:9090/-/ready')).toBeUndefined()
      })

      it('for many hosts: rules and boards are written', () => {
        expect(type(sh('Quick start: many hosts'))).toMatchObject({ status: 0 })
        expect(readdirSync(join(clone, 'rules'))).toEqual(
          expect.arrayContaining(['alertmanager', 'alerts', 'recording']),
        )
        expect(
          readdirSync(join(clone, 'boards')).filter((name) => name.endsWith('.json')).length,
        ).toBeGreaterThan(7)
      })
    },
  )
}
