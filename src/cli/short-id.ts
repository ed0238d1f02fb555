import { CliError, EXIT } from './exit.ts'
import { cellText } from './width.ts'

interface Identified {
  readonly id: string
}

/** As many characters as a person types. */
const SHORTEST = 8
/** A word that says what it is the id of, and tells none from another; no word of hex digits. */
const KIND = /^[a-z]*[g-z][a-z]*-/

/** The beginning of each id that tells it from the others of the list. */
export function shortIds(items: readonly Identified[]): (id: string) => string {
  const ids = new Set(items.map(({ id }) => id))
  const most = Math.max(0, ...[...ids].map(({ length }) => length))
  const kind = Math.max(0, ...[...ids].map((id) => KIND.exec(id)?.[0].length ?? 0))
  let length = kind + SHORTEST
  while (length < most && new Set([...ids].map((id) => id.slice(0, length))).size < ids.size) length++
  return (id) => id.slice(0, length)
}

/**
 * The id that begins so, for whoever typed what a list showed.
 * @throws CliError when there is none, or more than one
 */
export function fullId(beginning: string, items: readonly Identified[], what: 'crash' | 'alert'): string {
  const found = [...new Set(items.map(({ id }) => id).filter((id) => id.startsWith(beginning)))]
  const exact = found.find((id) => id === beginning)
  if (exact !== undefined || found.length === 1) return exact ?? found[0]!
  const named = cellText(beginning, 64)
  if (found.length === 0) throw new CliError(EXIT.notFound, `There is no ${what} ${named}.`)
  throw new CliError(
    EXIT.usage,
    `${found.length} ${what === 'crash' ? 'crashes' : 'alerts'} begin with ${named}: type more of it.`,
  )
}
