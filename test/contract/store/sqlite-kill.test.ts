import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { openTestStore, removeDir, temporaryDir } from './place.ts'

const WRITER = fileURLToPath(new URL('./durable-writer.ts', import.meta.url))
const KILLS = 12

describe('store on SQLite, killed', () => {
  const dataDir = temporaryDir()
  afterAll(() => removeDir(dataDir))

  /** Lets a writer run until it has acknowledged some rows, kills it, answers what it had acknowledged. */
  async function writeAndKill(from: number, afterAcks: number): Promise<readonly number[]> {
    const child = spawn(process.execPath, [WRITER, dataDir, String(from)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (chunk: string) => {
      text += chunk
      if (text.split('\n').length > afterAcks) child.kill('SIGKILL')
    })
    const [, signal] = await once(child, 'close')
    expect(signal).toBe('SIGKILL')
    // The last line may be cut; what was written whole was acknowledged.
    return text.split('\n').slice(0, -1).map(Number)
  }

  it(`loses no acknowledged row in ${KILLS} kills, and half of no transaction`, async () => {
    const acknowledged: number[] = []
    for (let round = 0; round < KILLS; round++) {
      acknowledged.push(...(await writeAndKill(round * 1_000_000, 20 + round * 60)))
      const store = await openTestStore({ dataDir })
      try {
        const rows = await store.db.selectFrom('samples').select('seq').execute()
        const kept = new Set(rows.map((row) => row.seq))
        expect(acknowledged.filter((number) => !kept.has(number))).toEqual([])
        const pairs = await store.db.selectFrom('agents').select('id').where('id', 'like', 'pair-%').execute()
        expect(pairs.map((row) => Number(row.id.slice(5))).sort((a, b) => a - b)).toEqual(
          [...kept].filter((number) => number % 3 === 0).sort((a, b) => a - b),
        )
        expect(store.health()).toEqual({ status: 'healthy', kind: 'sqlite' })
      } finally {
        await store.close()
      }
    }
    expect(acknowledged.length).toBeGreaterThan(KILLS * 20)
  })
})
