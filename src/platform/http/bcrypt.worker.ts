import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

interface Question {
  readonly id: number
  readonly password: string
  readonly hash: string
}

parentPort?.on('message', ({ id, password, hash }: Question) => {
  let same = false
  try {
    same = compareSync(password, hash)
  } catch {
    // A hash that bcrypt does not understand matches nothing.
  }
  parentPort?.postMessage({ id, same })
})
