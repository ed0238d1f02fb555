import type { ProcessEntry, ProcessTable } from '../platform/proc/process.ts'

/** Nobody nests deeper, and a table read while it changes could show a ring. */
const MOST_ANCESTORS = 64

/** The parent of a process, the parent of that, and so on, as far as the table knows them. */
export function* ancestors(table: Pick<ProcessTable, 'get'>, ppid: number): Generator<ProcessEntry> {
  let above = table.get(ppid)
  for (let depth = 0; above !== undefined && depth < MOST_ANCESTORS; depth++) {
    yield above
    above = table.get(above.ppid)
  }
}
