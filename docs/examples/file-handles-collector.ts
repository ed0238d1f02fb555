// A collector in one file: what it measures, where from, and how. docs/extending.md explains each part.
//
// In a program of your own the import is: from 'agent-exporter'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Addition, gauge, type SnapshotBuilder } from '../../src/index.ts'

/** Names are lower_snake_case and end in their unit; `help` names the source. */
const used = gauge('agent_host_file_handles', {
  help: 'Open file handles of the whole host (/proc/sys/fs/file-nr, first number).',
})
const limit = gauge('agent_host_file_handles_limit', {
  help: 'How many file handles the host may open; beyond it every program fails (/proc/sys/fs/file-nr, third number).',
})

/** `allocated unused maximum`, kernel documentation admin-guide/sysctl/fs. `undefined`: not read, which is not 0. */
export function parseFileHandles(
  text: string,
): { readonly used: number; readonly limit: number } | undefined {
  const numbers = /^(\d+)\s+\d+\s+(\d+)\s*$/.exec(text)
  return numbers === null ? undefined : { used: Number(numbers[1]), limit: Number(numbers[2]) }
}

/** Adds the collector `file_handles` to an exporter. */
export const fileHandles: Addition = ({ procRoot }) => ({
  name: 'file_handles',
  collectors: [
    {
      name: 'file_handles',
      families: [used, limit],
      collect(out: SnapshotBuilder) {
        // Throwing costs this collector its samples, and nobody else theirs.
        const handles = parseFileHandles(readFileSync(join(procRoot, 'sys/fs/file-nr'), 'utf8'))
        out.set(used, {}, handles?.used)
        out.set(limit, {}, handles?.limit)
      },
    },
  ],
})
