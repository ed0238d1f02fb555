import { Problem } from '../platform/problem.ts'

/** Lines that arrived together, and the number of the first. */
export interface Lines {
  readonly from: number
  readonly lines: readonly string[]
}

/** A row of five numbers is a hundred characters. */
const LONGEST_LINE = 4_096

/**
 * The lines of a text that is read as it comes: no more than a chunk is held.
 * @throws Problem AE_BAD_TRACE when it is no text, or has a line that no trace has
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<Lines> {
  // Without `ignoreBOM` a byte order mark at the beginning is taken away.
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let from = 1
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decode(decoder, chunk, source, from)).split('\n')
    rest = lines.pop() ?? ''
    check([...lines, rest], source, from)
    if (lines.length > 0) yield { from, lines: lines.map(withoutReturn) }
    from += lines.length
  }
  rest += decode(decoder, undefined, source, from)
  if (rest !== '') yield { from, lines: [withoutReturn(rest)] }
}

function decode(
  decoder: InstanceType<typeof TextDecoder>,
  chunk: Uint8Array | undefined,
  source: string,
  line: number,
): string {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined })
  } catch {
    throw new Problem('AE_BAD_TRACE', `${source}, at or after line ${line}: this is not text in UTF-8.`)
  }
}

function check(lines: readonly string[], source: string, from: number): void {
  const bad = lines.findIndex((line) => line.length > LONGEST_LINE || line.includes('\0'))
  if (bad === -1) return
  const what = lines[bad]!.includes('\0')
    ? 'this is not text in UTF-8'
    : `the line is longer than ${LONGEST_LINE} characters`
  throw new Problem('AE_BAD_TRACE', `${source}, line ${from + bad}: ${what}.`)
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)
