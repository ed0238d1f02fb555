import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** An agent that says itself what it uses. */
export interface SpendingAgent extends AsyncDisposable {
  readonly pid: number
  /** 4,000 tokens a second until it has been stopped and continued once; then 40. */
  spend(): void
}

/** Whoever comes out of a pause has learnt something. A report that fails is made up for by the next. */
const SCRIPT = `
  const [url, agent] = process.argv.slice(1)
  let tokens = 0
  let owed = 0
  process.on('SIGUSR2', () => { tokens = 1000 })
  process.on('SIGCONT', () => { tokens = Math.min(tokens, 10) })
  setInterval(async () => {
    owed += tokens
    const input = owed
    if (input === 0) return
    owed = 0
    const body = JSON.stringify({ tokens: { input, provider: 'test', model: 'test' } })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url + '/api/v1/agents/' + agent + '/usage', { method: 'POST', headers, body }).catch(() => undefined)
    if (!answer?.ok) owed += input
  }, 250)
  console.log('ready')
`

export async function startSpendingAgent(url: string, agent: string): Promise<SpendingAgent> {
  const child = spawn(process.execPath, ['-e', SCRIPT, url, agent], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  return {
    pid: child.pid as number,
    spend: () => void child.kill('SIGUSR2'),
    async [Symbol.asyncDispose]() {
      // Also ends who stands still.
      child.kill('SIGKILL')
      await ended
    },
  }
}
