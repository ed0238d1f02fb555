import { vi } from 'vitest'
import { main } from '../../src/cli/main.ts'

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** One command in this process; what it prints is caught. */
export async function runCli(...argv: string[]): Promise<Ended> {
  let out = ''
  let err = ''
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += String(text)
      return true
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += String(text)
      return true
    }),
    vi.spyOn(console, 'log').mockImplementation((text) => {
      out += `${String(text)}\n`
    }),
  ]
  try {
    const code = await main(argv)
    return { code, out, err }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
