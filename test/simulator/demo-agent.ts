// An agent that does nothing useful and reports it: node demo-agent.ts URL ID [TOKEN-FILE]. Started by
// `npm run stack -- --demo` and by the profile demo of docker-compose.yml.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [url, id, tokenFile] = process.argv.slice(2)
const authorization =
  tokenFile === undefined ? {} : { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` }
const STEP_MS = 5_000
const BLOCK_BYTES = 2 ** 20
/** A growing agent starts anew at this size: enough for a trend, no burden for a laptop. */
const MOST_BLOCKS = 96
const MODEL = { provider: 'demo', model: 'demo-1' } as const

const kept: Buffer[] = []
for (let step = 0; ; step++) {
  if (id === 'demo-growing') {
    if (kept.length >= MOST_BLOCKS) kept.length = 0
    kept.push(Buffer.alloc(BLOCK_BYTES, 1))
  }
  if (id === 'demo-busy') burn(STEP_MS / 10)
  await tell(step)
  await sleep(STEP_MS)
}

function burn(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Lost when nobody answers: the next one says how it is then. */
async function tell(step: number): Promise<void> {
  const tokens = { input: 400 + (step % 7) * 30, output: 120, cacheRead: 900, cacheWrite: 60, ...MODEL }
  const usage = { apiCalls: 1, tokens, files: [{ op: step % 3 === 0 ? 'modify' : 'read' }], costUsd: 0.004 }
  await post('usage', usage)
  if (step % 24 === 23) await post('deliverables', { type: 'task_completed', description: 'a demonstration' })
}

async function post(what: string, body: object): Promise<void> {
  try {
    const answer = await fetch(`${url}/api/v1/agents/${id}/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization },
      body: JSON.stringify(body),
    })
    if (!answer.ok) process.stderr.write(`${what}: ${answer.status} ${await answer.text()}\n`)
  } catch (error) {
    process.stderr.write(`${what}: ${String(error)}\n`)
  }
}
