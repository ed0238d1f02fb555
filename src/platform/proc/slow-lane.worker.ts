import { parentPort, workerData } from 'node:worker_threads'
import type { ProcessKey } from './process.ts'
import { readIdentity, readPss, type SlowAnswer, type SlowQuestion } from './slow-read.ts'

export interface SlowRequest {
  readonly id: number
  readonly question: SlowQuestion
  readonly key: ProcessKey
}

export interface SlowReply {
  readonly id: number
  readonly answer: SlowAnswer
  readonly elapsedMs: number
}

const { root } = workerData as { root: string }

parentPort?.on('message', (request: SlowRequest) => {
  const began = performance.now()
  const answer = request.question === 'pss' ? readPss(root, request.key) : readIdentity(root, request.key)
  const reply: SlowReply = { id: request.id, answer, elapsedMs: performance.now() - began }
  parentPort?.postMessage(reply)
})
parentPort?.postMessage('ready')
