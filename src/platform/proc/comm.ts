import { cleanText } from '../text.ts'

/** The kernel keeps 15 bytes of a user process's name, up to 63 of a kernel worker's; escaping may double them. */
const LONGEST_NAME = 128

const decoder = new TextDecoder('utf-8')

/** The name between the brackets of a stat line as safe text: invalid UTF-8 and control characters replaced. */
export function decodeComm(bytes: Uint8Array, start: number, end: number): string {
  return cleanText(decoder.decode(bytes.subarray(start, end)), LONGEST_NAME)
}

/** The last decoded name of one process, so that an unchanged name costs a comparison and no string. */
export interface CommCache {
  readonly bytes: Uint8Array
  length: number
  text: string
}

export function createCommCache(): CommCache {
  return { bytes: new Uint8Array(LONGEST_NAME), length: -1, text: '' }
}

/** Decodes only when the bytes changed since the last call with the same cache. */
export function cachedComm(cache: CommCache, bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length === cache.length) {
    let same = 0
    while (same < length && cache.bytes[same] === bytes[start + same]) same++
    if (same === length) return cache.text
  }
  cache.text = decodeComm(bytes, start, end)
  if (length > LONGEST_NAME) {
    cache.length = -1
    return cache.text
  }
  cache.length = length
  for (let i = 0; i < length; i++) cache.bytes[i] = bytes[start + i]!
  return cache.text
}
