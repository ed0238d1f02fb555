import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { eventually, freePort, startChild } from '../support/child.ts'
import { cleanEnvironment, STOPS_WITHIN_MS } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startAgent } from '../support/processes.ts'

const ROOT = join(import.meta.dirname, '../..')
it('npm start says what it found, what it cannot reach and where to look, and SIGTERM soon ends it', async () => {
  using folder = temporaryFolder()
  await using agent = await startAgent('idle', { id: 'started-before' })
  const address = `127.0.0.1:${await freePort()}`
  const dataDir = join(folder.path, 'data')
  const npm = await startChild(
    'npm',
    ['start', '--', `--web.listen-address=${address}`, `--data.dir=${dataDir}`],
    {
      cwd: ROOT,
      env: { ...cleanEnvironment(), XDG_CONFIG_HOME: folder.path },
    },
  )
  try {
    await eventually(
      'the daemon is ready',
      async () => {
        if (npm.ended) return true
        return (await fetch(`http://${address}/-/ready`)).ok || undefined
      },
      120_000,
    )
    const page = await (await fetch(`http://${address}/metrics`)).text()
    expect(page).toContain('agent="started-before"')
    const said = await eventually('it says what it found', () => {
      const text = npm.output()
      return text.includes('started-before') && text.includes(`http://${address}/metrics`) ? text : undefined
    })
    // Each part that a host may lack is named, present or not.
    for (const part of [/docker/i, /cgroup/i, /PSI|pressure/i]) expect(said).toMatch(part)

    const from = performance.now()
    expect(daemonPid(dataDir)).toBeGreaterThan(1)
    // Whoever supervises npm knows npm's number only.
    process.kill(npm.pid, 'SIGTERM')
    await npm.exit()
    await eventually('the daemon is gone', async () => daemonPid(dataDir) === undefined || undefined)
    expect(performance.now() - from).toBeLessThan(STOPS_WITHIN_MS)
  } finally {
    await npm.stop()
  }
  expect(agent.pid).toBeGreaterThan(1)
})

/** npm is between us and the daemon: it is found by its own data directory. */
function daemonPid(dataDir: string): number | undefined {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const argv = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
      if (argv.includes(`--data.dir=${dataDir}`) && argv[1]?.endsWith('bin/agent-exporter.js'))
        return Number(name)
    } catch {
      // It ended while we looked.
    }
  }
  return undefined
}
