import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface FakeProcess {
  readonly comm?: string
  readonly state?: string
  readonly ppid?: number
  readonly startTime?: number
  readonly uid?: number
  readonly rssKb?: number
  readonly faults?: number
  readonly userTicks?: number
  readonly systemTicks?: number
  readonly io?: { readonly read: number; readonly write: number }
  readonly fds?: number
}

export interface ProcTree {
  readonly root: string
  /** Writes or rewrites `<root>/<pid>/…` in place, so that kept descriptors see the new text. */
  put(pid: number, process?: FakeProcess): void
  /** Any other file below `<root>/<pid>` or below the root. */
  write(path: string, content: string | Uint8Array): void
  remove(pid: number): void
  dispose(): void
}

/** A `/proc` of plain files in a temporary directory. */
export function procTree(): ProcTree {
  const root = mkdtempSync(join(tmpdir(), 'proc-tree-'))
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return {
    root,
    write,
    put(pid, p = {}) {
      const comm = p.comm ?? 'node'
      const state = p.state ?? 'S'
      const ppid = p.ppid ?? 1
      const times = `${p.userTicks ?? 100} ${p.systemTicks ?? 50} 0 0`
      write(
        `${pid}/stat`,
        `${pid} (${comm}) ${state} ${ppid} ${pid} ${pid} 0 -1 0 ${p.faults ?? 0} 0 0 0 ${times} 20 0 1 0 ${p.startTime ?? 1000} 4096 ${p.rssKb ?? 0} 0\n`,
      )
      const memory =
        p.rssKb === undefined
          ? ''
          : `VmHWM:\t${p.rssKb} kB\nVmRSS:\t${p.rssKb} kB\nRssAnon:\t${p.rssKb} kB\nVmSwap:\t0 kB\n`
      const uid = p.uid ?? 1000
      write(
        `${pid}/status`,
        `Name:\t${comm}\nUid:\t${uid}\t0\t0\t0\n${memory}Threads:\t1\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t2\n`,
      )
      if (p.io) write(`${pid}/io`, `rchar: 1\nread_bytes: ${p.io.read}\nwrite_bytes: ${p.io.write}\n`)
      for (let fd = 0; fd < (p.fds ?? 0); fd++) write(`${pid}/fd/${fd}`, '')
    },
    remove: (pid) => rmSync(join(root, String(pid)), { recursive: true, force: true }),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  }
}
