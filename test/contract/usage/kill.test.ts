import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { createUsageRepository } from '../../../src/usage/repository.ts'
import { type UsageTables, usageMigration } from '../../../src/usage/tables.ts'
import { eventually } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const KILLS = 6
const REPORTS_PER_LIFE = 4
const PROGRAM = new URL('../../support/usage-daemon.ts', import.meta.url)

async function daemon(dataDir: string): Promise<{ url: string; kill(): Promise<void> }> {
  const child: ChildProcess = fork(PROGRAM, [dataDir, '4'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return {
    url,
    async kill() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Sends until it is told to stop; a request without an answer is sent again, with its key, to the next daemon. */
function reporter(agent: string, place: { url: string }, isOver: () => boolean) {
  let sent = 0
  return {
    sent: () => sent,
    async run(): Promise<number> {
      while (!isOver()) {
        const key = `${agent}-${sent}`
        const body = JSON.stringify([{ apiCalls: 1 }, { apiCalls: 2, tokens: { input: 5 } }])
        for (;;) {
          const headers = { 'content-type': 'application/json', 'idempotency-key': key }
          const url = `${place.url}/api/v1/agents/${agent}/usage`
          const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
          await answer?.arrayBuffer().catch(() => undefined)
          if (answer?.status === 200) break
          await new Promise((go) => setTimeout(go, 10))
        }
        sent++
      }
      return sent
    },
  }
}

describe('a daemon killed while agents report', () => {
  it('has counted every acknowledged request exactly once', async () => {
    const folder = temporaryFolder()
    cleanUps.push(() => folder[Symbol.dispose]())
    const place = { url: '' }
    let over = false
    let running = await daemon(folder.path)
    place.url = running.url
    const names = ['a0', 'a1', 'a2', 'a3']
    const reporters = names.map((name) => reporter(name, place, () => over))
    const sending = Promise.all(reporters.map((one) => one.run()))
    for (let kill = 0; kill < KILLS; kill++) {
      // Killed at work, however slow it is: each has reported something to this one, and goes on.
      const enough = reporters.map(({ sent }) => sent() + REPORTS_PER_LIFE)
      await eventually('all have reported', () =>
        reporters.every(({ sent }, index) => sent() >= enough[index]!) ? true : undefined,
      )
      await new Promise((go) => setTimeout(go, Math.random() * 200))
      await running.kill()
      running = await daemon(folder.path)
      place.url = running.url
    }
    over = true
    const sent = await sending
    await running.kill()

    const store = await openStore<UsageTables>({
      url: 'sqlite',
      dataDir: folder.path,
      daemonId: 'daemon-a',
      clock: systemClock,
      log: silentLog,
      migrations: [usageMigration],
    })
    cleanUps.push(() => store.close())
    const ledgers = await createUsageRepository(store, Date.now).openLedgers()
    const calls = new Map(ledgers.map(({ agent, totals }) => [agent, totals.apiCalls]))
    expect(names.map((name) => calls.get(name))).toEqual(sent.map((count) => count * 3))
    expect(Math.min(...sent)).toBeGreaterThanOrEqual(KILLS * REPORTS_PER_LIFE)
  })
})
