/** A web config that cannot be used. The message names the file and the key, never a value. */
export class WebConfigError extends Error {
  override readonly name = 'WebConfigError'
}

/** Looks at a section: keys that are not known are errors. `undefined` and null are an empty section. */
export type Section = Readonly<Record<string, unknown>>

export function section(value: unknown, path: string, known: readonly string[]): Section {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw new WebConfigError(`${path}: not a mapping`)
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new WebConfigError(
        `${path === '' ? key : `${path}.${key}`}: unknown key; known: ${known.join(', ')}`,
      )
    }
  }
  return value as Section
}
