import { writeSync } from 'node:fs'
import { linesText } from './width.ts'

/**
 * One line beside the command that we started, whole however narrow the terminal is: it is looked for in logs. Its
 * words may be those of the daemon, or the name of a file.
 */
export function noteLine(text: string): string {
  return `agent-exporter: ${linesText(text.replaceAll('\n', ' '))}\n`
}

/** Written directly: a terminal belongs to the command, and what cannot be written is nobody's error. */
export function say(text: string): void {
  try {
    writeSync(2, text)
  } catch {}
}
