import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The effective set of this process (proc_pid_status(5), CapEff); undefined when it cannot be read. */
export function effectiveCapabilities(procRoot: string): bigint | undefined {
  try {
    const hex = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync(join(procRoot, 'self/status'), 'utf8'))?.[1]
    return hex === undefined ? undefined : BigInt(`0x${hex}`)
  } catch {
    return undefined
  }
}
