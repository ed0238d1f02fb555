import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SnapshotBuilder } from '../../../../src/platform/exposition/snapshot.ts'
import { createHostCollector } from '../../../../src/platform/host/collector.ts'
import { createHostReader } from '../../../../src/platform/host/host-reader.ts'
import { type ProcTree, procTree } from '../../../support/proc-tree.ts'

let tree: ProcTree
beforeEach(() => {
  tree = procTree()
})
afterEach(() => tree.dispose())

function collector() {
  const filesystems = {
    measure: async () => [{ mountpoint: '/', sizeBytes: 10, availableBytes: 4 }],
    hung: () => [],
  }
  return createHostCollector({
    reader: createHostReader({ root: tree.root, platform: 'linux', filesystems }),
  })
}

async function samples(): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  const host = collector()
  await host.refresh?.(new AbortController().signal)
  const out = {
    set(family: { name: string }, labels: Record<string, string>, value: number | undefined) {
      const text = Object.entries(labels).map(([label, v]) => `{${label}=${v}}`)
      if (value !== undefined) found[family.name + text.join('')] = value
    },
  }
  host.collect(out as unknown as SnapshotBuilder)
  return found
}

const MEMINFO = 'MemTotal:  1000 kB\nMemAvailable:  400 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n'

describe('host collector', () => {
  it('exports memory, load, pressure, network and file systems', async () => {
    tree.write('meminfo', MEMINFO)
    tree.write('loadavg', '1.50 1.00 0.50 1/100 42\n')
    tree.write('vmstat', 'oom_kill 3\n')
    for (const [resource, total] of Object.entries({ cpu: 1, memory: 2, io: 3 })) {
      tree.write(
        `pressure/${resource}`,
        `some avg10=0.00 total=${total}000000\nfull avg10=0.00 total=${total}00000\n`,
      )
    }
    tree.write('net/dev', 'eth0: 7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n')
    tree.write('stat', 'cpu  9 9 9 9\ncpu0 5 5 5 5\ncpu3 4 4 4 4\nintr 7\n')
    expect(await samples()).toEqual({
      agent_host_cpu_cores: 2,
      agent_host_memory_total_bytes: 1_024_000,
      agent_host_memory_available_bytes: 409_600,
      agent_host_swap_total_bytes: 0,
      agent_host_swap_free_bytes: 0,
      agent_host_load1: 1.5,
      agent_host_oom_kills_total: 3,
      agent_host_pressure_cpu_waiting_seconds_total: 1,
      agent_host_pressure_memory_waiting_seconds_total: 2,
      agent_host_pressure_memory_stalled_seconds_total: 0.2,
      agent_host_pressure_io_waiting_seconds_total: 3,
      agent_host_pressure_io_stalled_seconds_total: 0.3,
      'agent_host_network_receive_bytes_total{device=eth0}': 7,
      'agent_host_network_transmit_bytes_total{device=eth0}': 9,
      'agent_host_filesystem_size_bytes{mountpoint=/}': 10,
      'agent_host_filesystem_available_bytes{mountpoint=/}': 4,
    })
  })

  it('has no pressure families on a kernel without PSI', async () => {
    tree.write('meminfo', MEMINFO)
    const found = await samples()
    expect(Object.keys(found).filter((name) => name.includes('pressure'))).toEqual([])
    expect(found['agent_host_memory_total_bytes']).toBe(1_024_000)
  })

  it('fails as a collector when nothing of the host can be read', async () => {
    await expect(samples()).rejects.toThrow('neither memory nor load')
  })
})
