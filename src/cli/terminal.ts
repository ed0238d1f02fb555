/** What the one who reads can show. */
export interface Terminal {
  /** Cells of a line; undefined when whatever reads has no lines of its own. */
  readonly columns: number | undefined
  readonly colours: 'on' | 'off'
}

interface Stream {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** What terminals had before they could say how wide they are. */
const USUAL_COLUMNS = 80
/** Narrower ones show nothing of a table anyway. */
const FEWEST_COLUMNS = 20

/**
 * Colour only for people who see it: on a terminal, without `NO_COLOR` (no-color.org) and not on a dumb one. Into
 * a pipe lines are as long as they are, unless `COLUMNS` says how long they may be.
 */
export function terminalOf(
  { isTTY = false, columns }: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const asked = Number(env['COLUMNS'] ?? Number.NaN)
  const width = isTTY ? columns || asked || USUAL_COLUMNS : asked
  return {
    columns: Number.isFinite(width) && width >= 1 ? Math.max(FEWEST_COLUMNS, Math.floor(width)) : undefined,
    colours: isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb' ? 'on' : 'off',
  }
}

/** The terminal of standard output. */
export function ownTerminal(): Terminal {
  return terminalOf(process.stdout, process.env)
}

/** Cells of a line of help; into a pipe as many as on the usual terminal, because help is text to be read. */
export function helpWidth(): number {
  return ownTerminal().columns ?? USUAL_COLUMNS
}

/** ECMA-48 select graphic rendition. */
const STYLES = { bold: '1', red: '31', green: '32', yellow: '33', 'bold red': '1;31' } as const
export type Style = keyof typeof STYLES

/** The text in a colour, where there are colours. Applied after a text has its width. */
export function paint(
  text: string,
  style: Style | undefined,
  { colours }: Pick<Terminal, 'colours'>,
): string {
  return style === undefined || colours === 'off' ? text : `\x1b[${STYLES[style]}m${text}\x1b[0m`
}
