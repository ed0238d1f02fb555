import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes over all interfaces but the loopback, since the namespace was made. */
export interface NetworkSample {
  readonly receiveBytes: number
  readonly transmitBytes: number
}

export interface NetworkReader {
  /** Undefined in the host's own namespace, where the numbers are everybody's, and where they cannot be read. */
  read(pid: number): NetworkSample | undefined
}

/**
 * Network use of a container by its main process: `/proc/<pid>/net/dev` shows that process's namespace
 * (proc_pid_net(5)). The namespace of pid 1 and our own count as the host's.
 */
export function createNetworkReader(procRoot = '/proc'): NetworkReader {
  const hosts = new Set([namespaceOf(procRoot, '1'), namespaceOf(procRoot, 'self')])
  hosts.delete(undefined)
  return {
    read(pid) {
      const namespace = namespaceOf(procRoot, String(pid))
      if (namespace === undefined || hosts.has(namespace)) return undefined
      try {
        return parseNetDev(readFileSync(join(procRoot, String(pid), 'net/dev'), 'utf8'))
      } catch {
        return undefined
      }
    },
  }
}

const RECEIVED_BYTES = 0
const TRANSMITTED_BYTES = 8

/** Sums an interface table; lines that are none, such as its two headings, are left out. */
export function parseNetDev(text: string): NetworkSample {
  let receiveBytes = 0
  let transmitBytes = 0
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 0 || line.slice(0, colon).trim() === 'lo') continue
    const columns = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
    const received = Number(columns[RECEIVED_BYTES])
    const transmitted = Number(columns[TRANSMITTED_BYTES])
    if (!Number.isFinite(received) || !Number.isFinite(transmitted)) continue
    receiveBytes += received
    transmitBytes += transmitted
  }
  return { receiveBytes, transmitBytes }
}

function namespaceOf(procRoot: string, pid: string): string | undefined {
  try {
    return readlinkSync(join(procRoot, pid, 'ns/net'))
  } catch {
    return undefined
  }
}
