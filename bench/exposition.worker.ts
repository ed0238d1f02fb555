// The two neighbours of the exposition benchmark, each in a thread of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

type Role =
  | { readonly role: 'journal' }
  | { readonly role: 'client'; readonly url: string; readonly scrapes: number }
const task = workerData as Role
const port = parentPort!
/** Before the delay is measured: connection, first compilation. */
const WARM_UP = 20

if (task.role === 'journal') keepJournal()
else port.postMessage(await scrape(task.url, task.scrapes))

/** Commits every message durably on its own, as the action journal does. */
function keepJournal(): void {
  const folder = mkdtempSync(join(tmpdir(), 'agent-exporter-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const db = new DatabaseSync(join(folder, 'journal.db'))
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE journal (at INTEGER, entry TEXT)',
  )
  const insert = db.prepare('INSERT INTO journal VALUES (?, ?)')
  port.on('message', (entry: { readonly at: number }) => {
    insert.run(entry.at, JSON.stringify(entry))
    port.postMessage(entry.at)
  })
}

/** Scrapes one after the other as Prometheus 2.42 does: OpenMetrics, gzip, kept connection. */
async function scrape(url: string, scrapes: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true })
  const times: number[] = []
  for (let i = 0; i < WARM_UP + scrapes; i++) {
    if (i === WARM_UP) port.postMessage('warm')
    const start = performance.now()
    await scrapeOnce(url, agent)
    if (i >= WARM_UP) times.push(performance.now() - start)
  }
  agent.destroy()
  return times
}

function scrapeOnce(url: string, agent: Agent): Promise<void> {
  const headers = {
    accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'accept-encoding': 'gzip',
  }
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}`))
      answer.on('end', resolve).on('error', reject).resume()
    }).on('error', reject)
  })
}
