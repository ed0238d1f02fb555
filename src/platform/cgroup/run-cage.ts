import { randomBytes } from 'node:crypto'

const NAME = /^agent-exporter-run-[0-9a-f]{16}$/
const RANDOM_BYTES = 8

/** Name of a control group that is made for one command and what it starts, and for nobody else. */
export function runCageName(): string {
  return `agent-exporter-run-${randomBytes(RANDOM_BYTES).toString('hex')}`
}

/** Whether the last part of the path is such a name. */
export function isRunCage(path: string): boolean {
  return NAME.test(path.slice(path.lastIndexOf('/') + 1))
}
