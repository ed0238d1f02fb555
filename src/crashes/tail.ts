import { cleanText } from '../platform/text.ts'

/** What the last output says about the end. Never the output itself: that holds what people typed. */
export interface OutputFacts {
  /** V8 gave up at its heap limit (`V8::FatalProcessOutOfMemory`). */
  readonly heapLimit?: { readonly text: string; readonly heapBytes?: number }
  /** An allocation of the program failed, in the words of its runtime. */
  readonly allocationFailure?: string
  /** Class of the last uncaught error, without its message. */
  readonly errorType?: string
}

/** The end of an output that may go on for ever. */
export interface Tail {
  push(chunk: Uint8Array | string): void
  facts(): OutputFacts
  /** The last `limit` characters of it, redacted. */
  text(limit: number): string
}

/** V8 writes about 2 KB of stack after the line that matters; several children may do so one after the other. */
const KEPT_CHARS = 16 * 1024
const LONGEST_LINE = 512

/** Keeps the end of an output. Memory is bounded whatever is pushed. */
export function createTail(): Tail {
  let kept = ''
  const decoder = new TextDecoder()
  return {
    push(chunk) {
      kept += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
      kept = endOf(kept)
    },
    facts: () => outputFacts(kept),
    text: (limit) => redactedTail(kept, limit),
  }
}

/**
 * The fatal line of V8 (`deps/v8/src/api/api.cc`, `heap.cc`): Node 20 to 24 say "Reached heap limit Allocation failed",
 * Node 26 and others near it "Ineffective mark-compacts near heap limit", older ones "CALL_AND_RETRY_LAST" and
 * "invalid table size"; all end the same.
 */
const HEAP_LIMIT = /^FATAL ERROR: (.{0,120}?)(?: -)? JavaScript heap out of memory\s*$/gm
/** `[pid:isolate] 112 ms: Mark-Compact (reduce) 36.3 (65.6) -> 36.0 (69.9) MB`. */
const GC_LINE = /Mark-Compact[^\n]{0,60}? [\d.]+ \([\d.]+\) -> ([\d.]+) \([\d.]+\) MB/g
const MIB = 1024 * 1024

const ALLOCATION_FAILURES: readonly RegExp[] = [
  /^(?:.*\.)?(MemoryError)\b/m,
  /\b(std::bad_alloc)\b/,
  /\b(memory allocation of \d+ bytes failed)\b/,
  /^(fatal error: (?:runtime: )?(?:cannot allocate memory|out of memory))/m,
  /\b(java\.lang\.OutOfMemoryError)\b/,
  /\b(RangeError: Array buffer allocation failed)\b/,
  /\b(ERR_WORKER_OUT_OF_MEMORY)\b/,
  /\b(Cannot allocate memory)\b/,
  /^(Out of memory(?: in perl:[a-z:_]*|!))/m,
  /\b(ENOMEM)\b/,
]

/** `TypeError: …`, `ValueError: …`, `foo.BarError: …` at the beginning of a line, as Node and Python print them. */
const ERROR_TYPE = /^(?:Uncaught )?((?:[A-Za-z_]\w{0,40}\.){0,3}[A-Z]\w{0,60}(?:Error|Exception))(?::|\s*$)/gm

/** What is cut off in the middle of a word is left out whole: half a secret would not be recognised. */
function endOf(text: string): string {
  return text.length > KEPT_CHARS ? text.slice(-KEPT_CHARS).replace(/^\S+/, '') : text
}

export function outputFacts(text: string): OutputFacts {
  const heap = last(text, HEAP_LIMIT)
  const gc = heap === undefined ? undefined : last(text, GC_LINE)
  const failure = ALLOCATION_FAILURES.map((pattern) => pattern.exec(text)?.[1]).find((found) => found)
  const errorType = last(text, ERROR_TYPE)
  return {
    ...(heap === undefined
      ? {}
      : {
          heapLimit: {
            text: cleanText(heap, 120),
            ...(gc === undefined ? {} : { heapBytes: Math.round(Number(gc) * MIB) }),
          },
        }),
    ...(failure === undefined ? {} : { allocationFailure: cleanText(failure, 80) }),
    ...(errorType === undefined ? {} : { errorType: cleanText(errorType, 80) }),
  }
}

function last(text: string, pattern: RegExp): string | undefined {
  let found: string | undefined
  for (const match of text.matchAll(pattern)) found = match[1]
  return found
}

const HIDDEN = '<secret>'

/** Secrets as they look, whatever stands around them. Linear: no pattern can be made to backtrack. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, HIDDEN],
  // The end of a key whose beginning is cut off.
  [/^[\s\S]*-----END [A-Z ]{0,40}PRIVATE KEY-----/, HIDDEN],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g, HIDDEN],
  [/\b(?:sk|pk|rk)[-_][\w-]{12,}/g, HIDDEN],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|npm_|hf_|pypi-|dop_v1_|ar_live_|AIza)[\w-]{12,}/g, HIDDEN],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [/\b(bearer|basic|token)\s+[\w.~+/=-]{8,}/gi, `$1 ${HIDDEN}`],
  [/\b(?<scheme>[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@:]{0,256}:[^\s/@]{1,256}@/gi, `$<scheme>${HIDDEN}@`],
  [
    /([\w-]{0,40}(?:api[-_]?key|token|secret|passw(?:or)?d|passphrase|credential|authorization|cookie)[\w-]{0,40}["']?\s{0,3}[:=]\s{0,3})(?!<secret>)(?:"[^"\n]{0,4096}"?|'[^'\n]{0,4096}'?|[^\s,;&]+)/gi,
    `$1${HIDDEN}`,
  ],
  // What nobody can read and nobody types is a key, a hash or a token.
  [/\b[0-9a-f]{32,}\b/gi, HIDDEN],
  [
    /(?<![\w+/=-])(?=[\w+/-]{0,200}\d)(?=[\w+/-]{0,200}[A-Z])(?=[\w+/-]{0,200}[a-z])[\w+-]{40,}={0,2}/g,
    HIDDEN,
  ],
]

/** Takes everything out that looks like a secret. What is redacted twice stays as it is. */
export function redact(text: string): string {
  let result = text
  for (const [pattern, by] of SECRETS) result = result.replace(pattern, by)
  return result
}

/** The last `limit` characters as lines, redacted before they are cut, so that no half of a secret stays. */
export function redactedTail(text: string, limit: number): string {
  const lines = redact(endOf(text))
    .replace(/\r\n?/g, '\n')
    .split('\n')
    .map((line) => cleanText(line.replaceAll('\t', '  '), LONGEST_LINE))
    .join('\n')
    .trim()
  return lines.slice(Math.max(0, lines.length - limit))
}
