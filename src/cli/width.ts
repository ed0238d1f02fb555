import { cleanText } from '../platform/text.ts'

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** Everything a terminal shows in one cell each. */
const NARROW = /^[\u0020-\u007e\u00a0-\u02ff]*$/
/** Marks on the letter before, and characters that are not shown: no cell of their own. */
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}\u115f\u1160\u3164\uffa0]+$/u
/** What is shown in two cells: emoji, and what UAX #11 calls wide or fullwidth. */
const WIDE =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115e\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u

/** Cells that a terminal needs for clean text: emoji and East Asian characters take two. */
export function displayWidth(text: string): number {
  if (NARROW.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += widthOf(segment)
  return width
}

/** The text in `width` cells at most; what is cut off is shown by `…`. */
export function fitText(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  if (width < 1) return ''
  let taken = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const more = widthOf(segment)
    if (used + more > width - 1) break
    taken += segment
    used += more
  }
  return `${taken}…`
}

/** The text in lines of at most `width` cells, broken at spaces; a word that is longer is broken too: nothing is lost. */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (displayWidth(longer) <= width) line = longer
    else {
      if (line !== '') lines.push(line)
      const pieces = piecesOf(word, width)
      line = pieces.pop() ?? ''
      lines.push(...pieces)
    }
  }
  return [...lines, line]
}

/** At least a letter each, however narrow it is. */
function piecesOf(word: string, width: number): string[] {
  const pieces: string[] = []
  let piece = ''
  let used = 0
  for (const { segment } of graphemes.segment(word)) {
    const more = widthOf(segment)
    if (used + more > width && piece !== '') {
      pieces.push(piece)
      piece = ''
      used = 0
    }
    piece += segment
    used += more
  }
  return [...pieces, piece]
}

/** `wrapText` after a head; what goes on below is indented, as far as the head is wide or further. */
export function hangText(
  head: string,
  text: string,
  width: number,
  indent = displayWidth(head),
): readonly string[] {
  return wrapText(text, width - indent).map((line, i) => (i === 0 ? head : ' '.repeat(indent)) + line)
}

/** Foreign text for one cell: nothing that steers a terminal, and no letter buried under marks. */
export function cellText(text: string, maxLength: number): string {
  const safe = cleanText(text, maxLength)
  if (NARROW.test(safe)) return safe
  let shown = ''
  for (const { segment } of graphemes.segment(safe.replace(HIDDEN, ''))) {
    shown += segment.length > LONGEST_GRAPHEME ? (segment.match(/^./su)?.[0] ?? '') : segment
  }
  return shown.replace(/\p{Cs}/gu, '\ufffd')
}

/** Sentences and lists for people, line by line as a cell: nothing in them steers a terminal. */
export function linesText(text: string): string {
  return text
    .split('\n')
    .map((line) => cellText(line, LONGEST_LINE))
    .join('\n')
}

/** Linux's PATH_MAX: the longest name of a file, the longest thing a sentence may have to name. */
const LONGEST_LINE = 4_096
/** Characters that nobody sees: they make two names look the same. The joiner of emoji stays. */
const HIDDEN = /[\u00ad\u180e\u200b\u200c\u2060-\u2064\u206a-\u206f\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu
/** The longest emoji sequences have some ten code points; more is a pile of marks. */
const LONGEST_GRAPHEME = 24

function widthOf(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0
  return WIDE.test(grapheme) ? 2 : 1
}
