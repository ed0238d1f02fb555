// Run as `node <folder>/claude SHAPE PIDFILE`: a process that looks like an agent and behaves as the shape says.
// Every process of it appends "<pid> <role>" to PIDFILE once it is in its final state.
const { spawn, spawnSync } = require('node:child_process')
const { appendFileSync } = require('node:fs')
const { pbkdf2 } = require('node:crypto')

const [shape, pidFile, depth = '0'] = process.argv.slice(2)
const announce = (role) => appendFileSync(pidFile, `${process.pid} ${role}\n`)
const linger = () => setInterval(() => {}, 60_000)
// Of somebody who looks first it gets a signal instead.
const leaveAfter = (ms) => (process.env.SHAPE_STAYS ? linger() : setTimeout(() => process.exit(), ms))
const again = (name, level, options = {}) =>
  spawn(process.execPath, [process.argv[1], name, pidFile, String(level)], { stdio: 'ignore', ...options })

const shapes = {
  idle() {
    linger()
    announce('root')
  },

  // Has run three children that used CPU and ended, each too short-lived for a sample to see it for sure.
  spent() {
    const args = [process.argv[1], 'burst', pidFile]
    for (let i = 0; i < 3; i++) spawnSync(process.execPath, args, { stdio: 'ignore' })
    linger()
    announce('root')
  },

  burst() {
    while (process.cpuUsage().user < 300_000) Math.sqrt(Math.random())
  },

  // Two orphans use memory and CPU for some seconds and end: whoever looks later finds nothing of them anywhere.
  passing() {
    again('passer', 0, { detached: true })
    linger()
    announce('root')
  },

  passer() {
    for (const number of [0, 1]) again('burner', number, { detached: true }).unref()
    leaveAfter(3_000)
    announce('passer')
  },

  burner() {
    globalThis.held = Buffer.alloc(100 * 1024 * 1024, 1)
    announce(`burner${depth}`)
    leaveAfter(7_000)
    shapes.burn()
  },

  // What `npx` and shell scripts do: one program waits for the other.
  wrapper() {
    again('link', 0)
    linger()
    announce('root')
  },

  cpu() {
    announce('root')
    shapes.burn()
  },

  // In slices, so that the process still ends when it is told to.
  burn() {
    const end = performance.now() + 50
    while (performance.now() < end) Math.sqrt(Math.random())
    setImmediate(shapes.burn)
  },

  resident() {
    // Written to page by page: memory that was only reserved is not resident.
    globalThis.held = Buffer.alloc(300 * 1024 * 1024, 1)
    linger()
    announce('root')
  },

  // UV_THREADPOOL_SIZE=20 is in the environment: the pool starts with the first job and stays.
  threads() {
    let waiting = 20
    for (let i = 0; i < 20; i++) {
      pbkdf2('a', 'b', 1, 8, 'sha256', () => {
        waiting -= 1
        if (waiting === 0) announce('root')
      })
    }
    linger()
  },

  // root → child → … , and from the root a double fork: `forker` leads a session of its own, starts `orphan` and ends.
  tree() {
    again('link', 3)
    again('forker', 0, { detached: true })
    linger()
    announce('root')
  },

  link() {
    if (Number(depth) > 0) again('link', Number(depth) - 1)
    linger()
    announce(`link${depth}`)
  },

  forker() {
    const orphan = again('orphan', 0, { detached: true })
    orphan.unref()
    // Long enough that a daemon sampling every second has seen who belongs to whom.
    leaveAfter(3_000)
    announce('forker')
  },

  orphan() {
    linger()
    announce('orphan')
  },
}

shapes[shape]()
