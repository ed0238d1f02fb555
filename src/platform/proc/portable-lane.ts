import { execFile } from 'node:child_process'
import { reduceArgv } from './argv.ts'
import type { ProcessTable, SlowLane } from './process.ts'

const TIMEOUT_MS = 5_000
const MOST_OUTPUT_BYTES = 1024 * 1024

export interface PortableLaneOptions {
  readonly table: Pick<ProcessTable, 'get'>
  /** Command line of a process with its arguments joined by blanks; rejects when it has ended. */
  readonly commandLine?: (pid: number) => Promise<string>
}

/**
 * Identity where there is no `/proc`: the command line by `ps`, which joins arguments with blanks, so a path that
 * holds one is cut. Environments and working directories of others cannot be read; PSS does not exist.
 */
export function createPortableLane(options: PortableLaneOptions): SlowLane {
  const commandLine = options.commandLine ?? commandLineByPs
  return {
    async identify(key) {
      if (options.table.get(key.pid)?.startTime !== key.startTime) return 'gone'
      const line = await commandLine(key.pid).catch(() => undefined)
      if (line === undefined) return 'unreadable'
      return { argv: reduceArgv(line.trim().split(/\s+/)), environment: {}, cwd: undefined }
    },
    pss: async () => undefined,
    forget() {},
    stuck: () => 0,
    close: async () => {},
  }
}

function commandLineByPs(pid: number): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'ps',
      ['-o', 'args=', '-p', String(pid)],
      { timeout: TIMEOUT_MS, maxBuffer: MOST_OUTPUT_BYTES },
      (error, output) => (error === null ? resolve(output) : reject(error)),
    )
  })
}
