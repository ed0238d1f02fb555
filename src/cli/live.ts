import { setTimeout as delay } from 'node:timers/promises'
import { fitText } from './width.ts'

/** What the loop asks of a command that shows the same again and again. */
export interface LiveView {
  readonly intervalMs: number
  /** Ends after so many looks. */
  readonly looks?: number | undefined
  /** `screen`: each look takes the place of the one before. `below`: with an empty line between. `lines`: without. */
  readonly place: 'screen' | 'below' | 'lines'
  /** What the keys do, shown on the last line of a screen. */
  readonly hint?: string
  /** What is shown now. */
  look(): Promise<string>
  /** What is shown after a key was pressed, from what is known already; undefined when the key means nothing. */
  key?(key: string): string | undefined
}

/** ECMA-48: to the first cell; erase to the end of the line; erase below. DEC: the other screen, the cursor. */
const HOME = '\x1b[H'
const REST_OF_LINE = '\x1b[K'
const BELOW = '\x1b[J'
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'

const CTRL_C = '\x03'
const CTRL_Z = '\x1a'
const ENDING = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const

/**
 * Shows a view until its looks are used up, `q` or Ctrl-C is pressed, or nobody reads any more. However it ends the
 * terminal is left as it was found.
 */
export async function live(view: LiveView): Promise<void> {
  const { stdout, stdin } = process
  const onScreen = view.place === 'screen' && stdout.isTTY === true
  const end = new AbortController()
  const stop = (): void => end.abort()
  let ending: NodeJS.Signals | undefined
  let wake = new AbortController()
  let shown = ''
  let isRaw = false
  let isSuspended = false

  function enter(): void {
    if (!onScreen) return
    if (stdin.isTTY) {
      stdin.setRawMode(true)
      isRaw = true
    }
    stdout.write(ENTER)
  }
  function leave(): void {
    if (!onScreen) return
    if (isRaw) stdin.setRawMode(false)
    isRaw = false
    stdout.write(LEAVE)
  }
  function draw(text: string): void {
    shown = text
    if (isSuspended || end.signal.aborted) return
    stdout.write(onScreen ? frame(text, view.hint) : `${text}\n${view.place === 'lines' ? '' : '\n'}`)
  }
  function suspend(): void {
    leave()
    isSuspended = true
    process.once('SIGCONT', () => {
      isSuspended = false
      enter()
      draw(shown)
    })
    process.kill(process.pid, 'SIGTSTP')
  }
  function onKeys(keys: Buffer): void {
    for (const key of keys.toString('utf8')) {
      if (key === 'q' || key === CTRL_C) stop()
      else if (key === CTRL_Z) suspend()
      else if (key === ' ' || key === '\r') wake.abort()
      else {
        const text = view.key?.(key)
        if (text !== undefined) draw(text)
      }
    }
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    ending = signal
    stop()
  }
  const onResize = (): void => draw(shown)

  // `top | head`: whoever read has gone, and that is no failure.
  stdout.on('error', stop)
  process.on('exit', leave)
  if (onScreen) {
    for (const signal of ENDING) process.on(signal, onSignal)
    stdout.on('resize', onResize)
    stdin.on('data', onKeys)
  }
  enter()
  try {
    for (let looks = 1; ; looks++) {
      const text = await view.look()
      if (end.signal.aborted) break
      draw(text)
      if (looks === view.looks) break
      wake = new AbortController()
      const signal = AbortSignal.any([end.signal, wake.signal])
      await delay(view.intervalMs, undefined, { signal }).catch(() => {})
      if (end.signal.aborted) break
    }
  } finally {
    leave()
    process.off('exit', leave)
    stdout.off('error', stop)
    stdout.off('resize', onResize)
    stdin.off('data', onKeys)
    if (onScreen) stdin.pause()
    for (const signal of ENDING) process.off(signal, onSignal)
    // What was last on the screen stays to be read.
    if (onScreen && ending === undefined && shown !== '') stdout.write(`${shown}\n`)
  }
  if (ending !== undefined && ending !== 'SIGINT') process.kill(process.pid, ending)
}

function frame(text: string, hint: string | undefined): string {
  const { rows = 24, columns = 80 } = process.stdout
  const last = hint === undefined ? [] : [fitText(hint, columns)]
  // The last line of all stays empty: a line break there would scroll.
  const room = Math.max(1, rows - 1 - last.length)
  const lines = text.split('\n')
  const fitting =
    lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`]
  return `${HOME}${[...fitting, ...last].map((line) => `${line}${REST_OF_LINE}\n`).join('')}${BELOW}`
}
