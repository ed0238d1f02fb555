import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from 'pg'

/** A PostgreSQL of the test's own: fresh cluster, free port, gone afterwards. */
export interface TestPostgres {
  readonly url: string
  /** A new empty database on the same server. */
  createDatabase(): Promise<string>
  /** Ends the server at once, as a crash of its host would look to a client. */
  stop(): Promise<void>
  /** Brings it back on the same port with the same data. */
  start(): Promise<void>
  destroy(): Promise<void>
}

const START_DEADLINE_MS = 120_000

/** `postgres` is the path of the server binary. The server refuses to run as root, so root lends it to `postgres`. */
export async function startPostgres(postgres: string): Promise<TestPostgres> {
  const dir = mkdtempSync(join(tmpdir(), 'ae-postgres-'))
  const data = join(dir, 'data')
  const port = await freePort()
  const root = process.getuid?.() === 0
  if (root) chownSync(dir, idOf('-u'), idOf('-g'))
  const as = (program: string, args: readonly string[]): [string, string[]] =>
    root ? ['setpriv', [...SETPRIV, program, ...args]] : [program, [...args]]
  const [initdb, initdbArgs] = as(join(dirname(postgres), 'initdb'), [
    ...['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
  ])
  execFileSync(initdb, initdbArgs, { stdio: 'pipe', cwd: dir })

  const urlOf = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`
  let server: ChildProcess | undefined
  let databases = 0

  async function query(text: string): Promise<void> {
    const client = new Client({ connectionString: urlOf('postgres'), connectionTimeoutMillis: 5_000 })
    client.on('error', () => {})
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }

  async function start(): Promise<void> {
    // Without fsync (-F): the kernel outlives these crashes, and a recovery that syncs every file takes half a minute
    // on a busy disk.
    const [program, args] = as(postgres, ['-F', '-D', data, '-p', `${port}`, '-k', dir, '-h', '127.0.0.1'])
    server = spawn(program, args, { stdio: 'ignore', cwd: dir })
    const deadline = performance.now() + START_DEADLINE_MS
    for (;;) {
      try {
        return await query('select 1')
      } catch (error) {
        if (performance.now() > deadline || server.exitCode !== null) throw error
        await new Promise((done) => setTimeout(done, 100))
      }
    }
  }

  async function stop(): Promise<void> {
    const ending = server
    server = undefined
    if (!ending || ending.exitCode !== null) return
    const gone = new Promise((done) => ending.once('exit', done))
    // SIGQUIT: immediate shutdown, clients are cut (postgres(1)).
    ending.kill('SIGQUIT')
    await gone
  }

  await start()
  return {
    url: urlOf('postgres'),
    async createDatabase() {
      const name = `test_${++databases}`
      await query(`create database ${name}`)
      return urlOf(name)
    },
    start,
    stop,
    async destroy() {
      await stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** setpriv replaces itself by the program, so that the pid is the server's; su and runuser stay in between. */
const SETPRIV = ['--reuid=postgres', '--regid=postgres', '--init-groups', '--']

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
