import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOomParser, parseKernelRecord } from '../../../../src/platform/kernel-log/oom.ts'
import { createKernelLog } from '../../../../src/platform/kernel-log/reader.ts'

/** Recorded on Linux 6.18; ids shortened. */
const MEMCG = [
  '4,1927,8368217864,-;busybox invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0',
  '6,2035,8368218519,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=1307ab,mems_allowed=0,oom_memcg=/docker/1307ab,task_memcg=/docker/1307ab,task=busybox,pid=2427,uid=0',
  '3,2036,8368218539,-;Memory cgroup out of memory: Killed process 2427 (busybox) total-vm:18048kB, anon-rss:15872kB, file-rss:1264kB, shmem-rss:0kB, UID:0 pgtables:76kB oom_score_adj:0',
]
const HOST = [
  '6,10,5,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/user.slice/user-1000.slice,task=claude,pid=99,uid=1000',
  '3,11,6,-;Out of memory: Killed process 99 (claude) total-vm:9000000kB, anon-rss:8000000kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:100kB oom_score_adj:200',
]

function killsOf(lines: readonly string[]) {
  const parse = createOomParser()
  return lines.flatMap((line) => {
    const record = parseKernelRecord(line)
    return (record && parse(record)) ?? []
  })
}

describe('the kernel log', () => {
  it('names who was killed at the limit of a group', () => {
    expect(killsOf(MEMCG)).toEqual([
      {
        pid: 2427,
        comm: 'busybox',
        scope: 'memcg',
        limitGroup: '/docker/1307ab',
        taskGroup: '/docker/1307ab',
        anonBytes: 15872 * 1024,
        sequence: 2036,
      },
    ])
  })

  it('names who was killed for the host', () => {
    expect(killsOf(HOST)).toMatchObject([
      { pid: 99, scope: 'host', taskGroup: '/user.slice/user-1000.slice' },
    ])
    expect(killsOf(HOST)[0]).not.toHaveProperty('limitGroup')
  })

  it('reads kernels before 5.0, which write one line', () => {
    expect(
      killsOf([
        '3,1,1,-;Memory cgroup out of memory: Kill process 5 (a) score 1 or sacrifice child',
        '3,2,2,-;Killed process 5 (a), UID 1, total-vm:10kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB',
        '3,3,3,-;Killed process 6 (b) total-vm:10kB, anon-rss:4kB, file-rss:0kB',
      ]),
    ).toMatchObject([{ pid: 5, anonBytes: 8192 }, { pid: 6 }])
  })

  it('does not believe what a program wrote, nor a name that looks like a line', () => {
    const forged = MEMCG[2]!.replace(/^3/, '11')
    expect(killsOf([forged])).toEqual([])
    const named = MEMCG.map((line) => line.replaceAll('busybox', ',pid=1,uid=0 ('))
    expect(killsOf(named)).toMatchObject([{ pid: 2427, comm: ',pid=1,uid=0 (' }])
  })

  it('takes a record with its dictionary, and nothing that is none', () => {
    expect(parseKernelRecord('6,1,2,-;text; more\n SUBSYSTEM=pci\n')).toEqual({
      ...{ facility: 0, level: 6, sequence: 1, atMicros: 2, message: 'text; more' },
    })
    expect(parseKernelRecord(' SUBSYSTEM=pci')).toBeUndefined()
  })

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void killsOf([text, `3,1,1,-;${text}`])))
  })
})

describe('reading the kernel log', () => {
  it('says that it knows nothing where it cannot be read', () => {
    const log = createKernelLog({ path: '/nowhere/kmsg', now: () => 1 })
    expect(log.drain()).toEqual([])
    expect(log.coveredSince()).toBeUndefined()
    log.close()
  })

  it('leaves out what was logged before', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ae-kmsg-'))
    const path = join(folder, 'kmsg')
    // An ordinary file gives all at once: the first record counts, which is enough to see that it is old.
    writeFileSync(path, MEMCG[2]!)
    const log = createKernelLog({ path, now: () => 5 })
    expect(log.drain()).toEqual([])
    expect(log.coveredSince()).toBe(5)
    log.close()
    rmSync(folder, { recursive: true })
  })
})
