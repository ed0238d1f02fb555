/**
 * C0 and C1 controls, line and paragraph separators, and the bidirectional overrides that make text read
 * differently from what it is (Unicode TR36, CVE-2021-42574).
 */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

/** The one filter every foreign string passes before a log, a terminal or a page: unsafe characters become `\ufffd`. */
export function cleanText(text: string, maxLength = 256): string {
  const safe = text.replace(UNSAFE, '\ufffd')
  return safe.length > maxLength ? `${safe.slice(0, maxLength - 1)}…` : safe
}

/** What JSON leaves as it is and `cleanText` does not. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

/** JSON that reads back as the same value and holds nothing that steers a terminal. */
export function toSafeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    UNSAFE_IN_JSON,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
