import { formatValue } from './number.ts'

/** A growing page of bytes. It is written anew for each scrape, so printing leaves almost no garbage behind. */
export interface Ink {
  /** Bytes written so far. */
  readonly length: number
  text(text: string): void
  /** Bytes that are UTF-8 already. */
  copy(bytes: Uint8Array): void
  /** A sample's value and the end of its line. */
  value(value: number): void
  /** What was written: a view, valid until `clear` or the next writing. */
  bytes(): Buffer
  clear(): void
}

const FIRST_SIZE = 64 * 1024
/** The longest double in text is 24 characters; a line feed follows. */
const LONGEST_VALUE = 32
/** UTF-8 needs at most three bytes for each UTF-16 unit. */
const BYTES_PER_UNIT = 3
const ZERO = 48
const LINE_FEED = 10
const LAST_ASCII = 127
const UINT32 = 2 ** 32

export function createInk(): Ink {
  let page = Buffer.allocUnsafeSlow(FIRST_SIZE)
  let end = 0
  return {
    get length() {
      return end
    },
    text(text) {
      reserve(text.length * BYTES_PER_UNIT)
      end = writeText(page, end, text)
    },
    copy(bytes) {
      reserve(bytes.length)
      page.set(bytes, end)
      end += bytes.length
    },
    value(value) {
      reserve(LONGEST_VALUE)
      end = isShortInteger(value) ? writeInteger(page, end, value) : writeText(page, end, formatValue(value))
      page[end++] = LINE_FEED
    },
    bytes: () => page.subarray(0, end),
    clear() {
      end = 0
    },
  }

  function reserve(bytes: number): void {
    if (end + bytes <= page.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(page.length * 2, end + bytes))
    page.copy(larger, 0, 0, end)
    page = larger
  }
}

/** For numbers and lines a loop over char codes beats `buffer.write`: no call leaves JavaScript. */
function writeText(page: Buffer, start: number, text: string): number {
  let mixed = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    mixed |= code
    page[start + i] = code
  }
  return mixed <= LAST_ASCII ? start + text.length : start + page.write(text, start)
}

function isShortInteger(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER && Math.floor(value) === value
}

/**
 * Most values are whole numbers. Written digit by digit they never become strings: V8 keeps converted numbers in
 * a cache, which would carry all of them into the old generation and cause its collection every few scrapes.
 */
function writeInteger(page: Buffer, start: number, value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  let at = start + digits
  let rest = value
  while (rest >= UINT32) {
    const tenth = Math.floor(rest / 10)
    page[--at] = ZERO + (rest - tenth * 10)
    rest = tenth
  }
  let short = rest >>> 0
  while (short >= 10) {
    const tenth = (short / 10) >>> 0
    page[--at] = ZERO + (short - tenth * 10)
    short = tenth
  }
  page[at - 1] = ZERO + short
  return start + digits
}
