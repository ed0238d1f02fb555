import { readFileSync } from 'node:fs'

const MIB = 1_048_576
const EVERY_US = 20_000

/**
 * Takes anonymous memory, as much as its time demands however busy the machine is, for `/bin/sh -c` of busybox:
 * `tail -c` keeps in its buffer all it was given. `/proc/uptime` tells hundredths of a second.
 */
export function leakScript(mibPerSecond: number): string {
  const bytesPerHundredth = Math.round((mibPerSecond * MIB) / 100)
  const clock = 'read up rest < /proc/uptime; now=${up%.*}${up#*.}'
  const burst = `dd if=/dev/zero bs=$((want - had)) count=1 2>/dev/null; had=$want`
  const step = `usleep ${EVERY_US}; ${clock}; want=$(((now - from) * ${bytesPerHundredth}))`
  return `${clock}; from=$now; had=0; while :; do ${step}; [ $want -gt $had ] && { ${burst}; }; done | tail -c 2000000000`
}

/** The memory of a container in one of its lives, as the kernel counts it; undefined once it is gone. */
export interface ContainerMemory {
  usedBytes(): number | undefined
  limitBytes(): number | undefined
  /** Processes in it that the kernel has killed for memory. */
  oomKills(): number | undefined
}

/** @param pid its main process, while it lives */
export function containerMemory(pid: number): ContainerMemory {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')
  const pathOf = (controller: string) =>
    lines.find((line) => line.split(':')[1] === controller)?.replace(/^[^:]*:[^:]*:/, '')
  const v1 = pathOf('memory')
  const folder = v1 === undefined ? `/sys/fs/cgroup${pathOf('')}` : `/sys/fs/cgroup/memory${v1}`
  const [used, limit, events] =
    v1 === undefined
      ? (['memory.current', 'memory.max', 'memory.events'] as const)
      : (['memory.usage_in_bytes', 'memory.limit_in_bytes', 'memory.oom_control'] as const)
  const numberIn = (name: string, line: RegExp): number | undefined => {
    try {
      const found = line.exec(readFileSync(`${folder}/${name}`, 'utf8'))
      return found === null ? undefined : Number(found[1])
    } catch {
      return undefined
    }
  }
  return {
    usedBytes: () => numberIn(used, /^(\d+)$/m),
    limitBytes: () => numberIn(limit, /^(\d+)$/m),
    oomKills: () => numberIn(events, /^oom_kill (\d+)$/m),
  }
}
