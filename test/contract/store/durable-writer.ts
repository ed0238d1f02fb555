/** Writes for ever and says on stdout which rows were acknowledged; the parent kills it. */
import { writeSync } from 'node:fs'
import { agent, sample } from './fixture.ts'
import { openTestStore } from './place.ts'

const [dataDir, first] = process.argv.slice(2)
if (dataDir === undefined) throw new Error('usage: durable-writer.ts DATA_DIR FIRST_NUMBER')
const store = await openTestStore({ dataDir })
let next = Number(first ?? 0)

async function write(): Promise<void> {
  const number = next++
  if (number % 3 === 0) {
    await store.db.transaction().execute(async (trx) => {
      await trx.insertInto('samples').values(sample(number)).execute()
      await trx
        .insertInto('agents')
        .values(agent(`pair-${number}`))
        .execute()
    })
  } else {
    await store.db.insertInto('samples').values(sample(number)).execute()
  }
  say(`${number}\n`)
}

/** Before anything else happens: an acknowledgement that still sits in a buffer would not count. */
function say(text: string): void {
  for (;;) {
    try {
      writeSync(1, text)
      return
    } catch (error) {
      // The pipe is full while the parent is busy.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    }
  }
}

async function writeForEver(): Promise<never> {
  for (;;) {
    store.enqueue('agents', agent(`batched-${next}-${Math.random()}`))
    await write()
  }
}

await Promise.all(Array.from({ length: 4 }, writeForEver))
