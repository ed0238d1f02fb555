import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The end of what a command wrote to its standard error. */
export interface LastOutput {
  /** Undefined when it cannot be known, or is nothing. */
  read(): string | undefined
}

/** V8 writes some 2 KB of stack below the line that matters; the daemon looks at no more than this. */
const MOST_BYTES = 16 * 1024

/**
 * The end of the standard error that we hand on, where that is a regular file: it is read again when the command has
 * ended, and the command never knows. Nothing is put between a command and a terminal, a pipe or a socket: it would
 * lose its terminal, its order of lines, and its life by SIGPIPE when we are killed. Made before the command starts, so that what the
 * file held before is left out.
 */
export function followStderr(descriptor = 2): LastOutput {
  const begin = stateOf(descriptor)
  return {
    read() {
      const end = stateOf(descriptor)
      // Cut off or turned over meanwhile: what is in it now may be anybody's.
      if (begin === undefined || end === undefined || end.size <= begin.size) return undefined
      const from = Math.max(begin.size, end.size - MOST_BYTES)
      return readEnd(`/proc/self/fd/${descriptor}`, from, end.size - from)
    },
  }
}

function stateOf(descriptor: number): { readonly size: number } | undefined {
  try {
    const stat = fstatSync(descriptor)
    return stat.isFile() ? { size: stat.size } : undefined
  } catch {
    return undefined
  }
}

/** Through a descriptor of its own: ours may be open for writing only, and its position is the command's. */
function readEnd(path: string, from: number, length: number): string | undefined {
  try {
    const file = openSync(path, 'r')
    try {
      const buffer = Buffer.alloc(length)
      return buffer.toString('utf8', 0, readSync(file, buffer, 0, length, from))
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}
