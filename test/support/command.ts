import { spawn } from 'node:child_process'
import { BIN, cleanEnvironment } from './daemon.ts'

export interface CommandResult {
  /** Null when it had to be killed. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Neither a configuration nor the token of a daemon that ran on this machine before, nor one that runs. */
const NOWHERE = {
  XDG_CONFIG_HOME: '/nonexistent',
  AGENT_EXPORTER_DATA_DIR: '/nonexistent',
  AGENT_EXPORTER_URL: 'http://127.0.0.1:2',
}
/** A command that takes longer hangs: on a busy machine some take a tenth of it. */
const LIMIT_MS = 120_000

/** Runs the built program to its end; it finds no configuration but the one it is given. */
export function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...cleanEnvironment(), ...NOWHERE, ...env },
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
  })
}
