import { Problem } from '../platform/problem.ts'

/** The body of every sender is five deep. */
const DEEPEST = 32
/** Each level costs some sixty bytes: of bodies as short as everywhere else they may be as many as fit. */
const SHORT_BYTES = 1024 * 1024

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * Parsed as it is: a label may be called `__proto__`, which is a key like any other here and refused elsewhere. One
 * such alert must not cost the whole group its notification.
 * @throws Problem AE_BAD_REQUEST when it is no JSON, or long and nested deeper than any notification
 */
export function parseBody(bytes: Buffer): unknown {
  if (bytes.length > SHORT_BYTES && isDeep(bytes))
    throw new Problem('AE_BAD_REQUEST', `The body is nested more than ${DEEPEST} deep.`)
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Problem('AE_BAD_REQUEST', 'The body is not valid JSON.')
  }
}

function isDeep(bytes: Buffer): boolean {
  let depth = 0
  let isText = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number
    if (isText) {
      if (byte === BACKSLASH) index++
      else if (byte === QUOTE) isText = false
    } else if (byte === QUOTE) isText = true
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > DEEPEST) return true
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
  }
  return false
}
