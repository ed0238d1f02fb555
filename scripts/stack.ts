// Starts exporter, Prometheus, Alertmanager and, where it is installed, Grafana on this machine, without containers.
//
//   npm run stack -- --help
import { Problem } from '../src/platform/problem.ts'
import { type StackOptions, stackOptions, USAGE, UsageError } from './stack/options.ts'
import type { Part } from './stack/part.ts'
import { runStack, StackError } from './stack/run.ts'

const parts: Part[] = []
const asked = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Whoever asks twice has waited long enough.
    if (asked.signal.aborted) for (const part of parts) part.kill()
    asked.abort()
  })
}

try {
  const options = stackOptions(process.argv.slice(2))
  if (options === undefined) process.stdout.write(USAGE)
  else await run(options)
} catch (error) {
  process.exitCode = failed(error)
}

async function run(options: StackOptions): Promise<void> {
  await runStack({ options, parts, signal: asked.signal, say: (text) => console.log(text) })
}

function failed(error: unknown): number {
  console.error(error instanceof Error ? error.message : String(error))
  if (error instanceof UsageError) {
    process.stderr.write(`\n${USAGE}`)
    return 2
  }
  return error instanceof StackError || error instanceof Problem ? 2 : 1
}
