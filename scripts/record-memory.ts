// Records the memory of real programs, a sample a second, for the fixtures of the trend.
//
//   node scripts/record-memory.ts [--minutes=18] [--only=c-] [--into=test/fixtures/memory]
//
// Needs python3 and a C compiler; a program whose language is missing is named and left out. Each file begins with a
// line that says what the program does, then one line per sample: [second, anonymous KiB, resident KiB, heap KiB].
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { PROGRAMS, type Program } from '../bench/trend/programs.ts'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '18' },
    only: { type: 'string', default: '' },
    into: { type: 'string', default: join(import.meta.dirname, '../test/fixtures/memory') },
  },
})
const SECONDS = Math.round(Number(flags.minutes) * 60)
const work = mkdtempSync(join(tmpdir(), 'record-memory-'))

function commandOf({ name, language, source }: Program): readonly [string, ...string[]] {
  if (language === 'node') return [process.execPath, '-e', source]
  if (language === 'python3') return ['python3', '-c', source]
  const program = join(work, name)
  writeFileSync(`${program}.c`, source)
  execFileSync('cc', ['-O0', '-o', program, `${program}.c`])
  return [program]
}

function kibOf(status: string, key: string): number | null {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
  return found === undefined ? null : Number(found)
}

async function record(program: Program): Promise<void> {
  const [command, ...args] = commandOf(program)
  const lines: string[] = []
  let heapKib: number | null = null
  const start = () => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    heapKib = null
    child.stdout.on('data', (text: Buffer) => {
      const bytes = Number(text.toString().trim().split('\n').at(-1))
      heapKib = Number.isFinite(bytes) ? Math.round(bytes / 1024) : null
    })
    return child
  }
  let child = start()
  let incarnation = 1
  const begin = performance.now()
  for (let second = 1; second <= SECONDS; second++) {
    await delay(Math.max(0, begin + second * 1_000 - performance.now()))
    if (second === program.restartAfterS) {
      child.kill('SIGKILL')
      child = start()
      incarnation++
      continue
    }
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    const row = [second, kibOf(status, 'RssAnon'), kibOf(status, 'VmRSS'), heapKib]
    lines.push(JSON.stringify(incarnation === 1 ? row : [...row, incarnation]))
  }
  child.kill('SIGKILL')
  const { name, language, growing, mbPerMinute, restartAfterS } = program
  const recorded = { on: process.platform, node: process.version, seconds: SECONDS }
  const head = { name, language, growing, mbPerMinute, restartAfterS, recorded }
  writeFileSync(join(flags.into, `${name}.jsonl`), `${[JSON.stringify(head), ...lines].join('\n')}\n`)
  console.log(`${name}: ${lines.length} samples`)
}

mkdirSync(flags.into, { recursive: true })
const programs = PROGRAMS.filter(({ name }) => name.includes(flags.only))
const outcomes = await Promise.allSettled(programs.map(record))
for (const [i, outcome] of outcomes.entries()) {
  if (outcome.status === 'rejected') console.error(`${programs[i]?.name}: ${String(outcome.reason)}`)
}
process.exitCode = outcomes.every(({ status }) => status === 'fulfilled') ? 0 : 1
