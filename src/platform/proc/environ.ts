import { cleanText } from '../text.ts'

/** Only variables of ours are kept; the rest of a foreign environment is secrets. */
const PREFIX = 'AGENT_EXPORTER_'
/** Longest variable of ours, name and value; a longer one is dropped. */
const LONGEST_VARIABLE = 4 * 1024
const MOST_VARIABLES = 64

/**
 * Ours, but never to leave the reader: `AGENT_EXPORTER__SECTION__KEY` overrides configuration (it may hold a
 * store URL with its password), and tokens are credentials.
 */
const CREDENTIAL = /^AGENT_EXPORTER__|TOKEN|SECRET|PASSWORD|KEY/
const NAME = /^[A-Z0-9_]+$/

export interface EnvironmentScan {
  /** Takes the next piece of the file. */
  add(bytes: Buffer): void
  /** What was found; a last variable without its NUL counts as cut off and is left out. */
  result(): Record<string, string>
}

/**
 * Scans an environment that arrives in pieces and may be megabytes long, keeping at most one unfinished variable
 * in memory. Values need not be UTF-8: what is not becomes U+FFFD.
 */
export function scanEnvironment(): EnvironmentScan {
  const found: Record<string, string> = {}
  let count = 0
  // The unfinished variable at the end of the last piece; `skipping` when it is not ours or too long.
  let rest: Buffer = Buffer.alloc(0)
  let skipping = false

  function keep(variable: Buffer): void {
    const text = variable.toString('utf8')
    const equals = text.indexOf('=')
    if (equals === -1 || count >= MOST_VARIABLES) return
    const name = text.slice(0, equals)
    if (!NAME.test(name) || CREDENTIAL.test(name)) return
    found[name] = cleanText(text.slice(equals + 1), LONGEST_VARIABLE)
    count++
  }

  function isOurs(variable: Buffer): boolean {
    return (
      variable.length <= LONGEST_VARIABLE && variable.subarray(0, PREFIX.length).toString('latin1') === PREFIX
    )
  }

  function mayBecomeOurs(part: Buffer): boolean {
    const head = part.subarray(0, PREFIX.length).toString('latin1')
    return part.length <= LONGEST_VARIABLE && PREFIX.startsWith(head)
  }

  return {
    add(bytes) {
      let at = 0
      while (at < bytes.length) {
        const nul = bytes.indexOf(0, at)
        const piece = bytes.subarray(at, nul === -1 ? bytes.length : nul)
        if (nul === -1) {
          if (skipping) return
          rest = Buffer.concat([rest, piece])
          if (!mayBecomeOurs(rest)) {
            skipping = true
            rest = Buffer.alloc(0)
          }
          return
        }
        const whole = rest.length > 0 ? Buffer.concat([rest, piece]) : piece
        if (!skipping && isOurs(whole)) keep(whole)
        rest = Buffer.alloc(0)
        skipping = false
        at = nul + 1
      }
    },
    result: () => found,
  }
}
