/**
 * How many records of use the daemon takes over HTTP, each durable before its answer. The server is a process of its
 * own; its processor time counts both of its threads, the one that answers and the one that writes. One JSON line.
 *
 * npm run bench:ingest
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

const AGENTS = 100
const CONNECTIONS = 8
const RUNS = [
  // The most that one request may hold.
  { records: 1_000, requests: 200 },
  { records: 500, requests: 400 },
  { records: 100, requests: 2_000 },
  { records: 1, requests: 5_000 },
]

interface Report {
  readonly cpuSeconds: number
  readonly loopDelayP99Ms: number
  readonly loopDelayMaxMs: number
}

const round = (value: number) => Math.round(value * 100) / 100
const record = {
  apiCalls: 1,
  tokens: { input: 1_200, output: 340, cacheRead: 18_000, provider: 'anthropic', model: 'a-model' },
  files: [{ op: 'read', count: 2 }],
  costUsd: 0.0125,
  source: 'bench',
}

const connections = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })

function post(url: string, body: Buffer): Promise<number> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      {
        method: 'POST',
        agent: connections,
        headers: { 'content-type': 'application/json', 'content-length': body.length },
      },
      (answer) => {
        answer.resume()
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(performance.now() - started)
          else reject(new Error(`status ${answer.statusCode}`))
        })
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}

async function report(server: ChildProcess): Promise<Report> {
  server.send('report')
  const [answer] = await once(server, 'message')
  return answer as Report
}

async function run(server: ChildProcess, url: string, { records, requests }: (typeof RUNS)[number]) {
  const body = Buffer.from(JSON.stringify(records === 1 ? record : Array(records).fill(record)))
  const latencies: number[] = []
  let left = requests
  await report(server)
  const started = performance.now()
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left-- > 0) latencies.push(await post(`${url}/api/v1/agents/a${left % AGENTS}/usage`, body))
    }),
  )
  const seconds = (performance.now() - started) / 1_000
  const { cpuSeconds, loopDelayP99Ms, loopDelayMaxMs } = await report(server)
  latencies.sort((a, b) => a - b)
  return {
    recordsPerRequest: records,
    recordsPerSecond: Math.round((records * requests) / seconds),
    recordsPerCpuSecond: Math.round((records * requests) / cpuSeconds),
    requestsPerSecond: Math.round(requests / seconds),
    cores: round(cpuSeconds / seconds),
    p50Ms: round(latencies[Math.floor(latencies.length / 2)] ?? Number.NaN),
    p99Ms: round(latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN),
    loopDelayP99Ms: round(loopDelayP99Ms),
    loopDelayMaxMs: round(loopDelayMaxMs),
  }
}

const dataDir = mkdtempSync(join(tmpdir(), 'agent-exporter-bench-'))
const server = fork(new URL('../test/support/usage-daemon.ts', import.meta.url), [dataDir, String(AGENTS)])
try {
  const [{ url }] = (await once(server, 'message')) as [{ url: string }]
  await run(server, url, { records: 100, requests: 200 })
  const results = []
  for (const one of RUNS) results.push(await run(server, url, one))
  console.log(JSON.stringify({ bench: 'ingest', node: process.version, agents: AGENTS, results }))
} finally {
  connections.destroy()
  server.disconnect()
  rmSync(dataDir, { recursive: true, force: true })
}
