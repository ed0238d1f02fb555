/** A web config that cannot be used. The message names the file and the key, never a value. */
export class WebConfigError extends Error {
  override readonly name = 'WebConfigError'
}

/** A mapping of the file. Scalars are texts as written: what they mean depends on the key, as for Go's decoder. */
export type Section = Readonly<Record<string, unknown>>

const NOTHING = new Set<unknown>([undefined, null, '', '~', 'null', 'Null', 'NULL'])

/** Is the value of a key left out? */
export const isNothing = (value: unknown): boolean => NOTHING.has(value)

const TRUE = /^(?:y|yes|on|true)$/i
const FALSE = /^(?:n|no|off|false)$/i

/** A truth value of YAML 1.1, as the toolkit's decoder takes them. */
export function truth(value: unknown, path: string, fallback: boolean): boolean {
  if (isNothing(value)) return fallback
  if (typeof value === 'string' && TRUE.test(value)) return true
  if (typeof value === 'string' && FALSE.test(value)) return false
  throw new WebConfigError(`${path}: must be true or false`)
}

/** Looks at a mapping; keys that are not known are errors. Nothing is an empty mapping. */
export function section(value: unknown, path: string, known: readonly string[]): Section {
  if (isNothing(value)) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new WebConfigError(`${path}: not a mapping`)
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new WebConfigError(
        `${path === '' ? key : `${path}.${key}`}: unknown key; known: ${known.join(', ')}`,
      )
    }
  }
  return value as Section
}
