import { vi } from 'vitest'

/** The only sequences that a command may print: a colour and its end. */
export const COLOUR = /\x1b\[[0-9;]+m/g
/** What nothing may print: all that steers or hides, but the ends of lines. */
export const UNSAFE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/

const MODES = {
  terminal: { isTTY: true, env: {} },
  'no-color': { isTTY: true, env: { NO_COLOR: '1' } },
  pipe: { isTTY: false, env: {} },
} as const
export type Mode = keyof typeof MODES

/** Both streams are a terminal so wide, or a pipe whose reader says how wide it is. Undone by `leaveTerminal`. */
export function enterTerminal(columns: number, mode: Mode): void {
  const { isTTY, env } = MODES[mode]
  for (const stream of [process.stdout, process.stderr]) {
    Object.defineProperty(stream, 'isTTY', { value: isTTY, configurable: true })
    Object.defineProperty(stream, 'columns', { value: isTTY ? columns : undefined, configurable: true })
  }
  vi.stubEnv('TERM', 'xterm-256color')
  vi.stubEnv('NO_COLOR', '')
  vi.stubEnv('COLUMNS', isTTY ? '' : String(columns))
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
}

export function leaveTerminal(): void {
  vi.unstubAllEnvs()
  for (const stream of [process.stdout, process.stderr]) {
    Reflect.deleteProperty(stream, 'isTTY')
    Reflect.deleteProperty(stream, 'columns')
  }
}
