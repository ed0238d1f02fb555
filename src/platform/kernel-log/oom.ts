/** One record of `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg). */
export interface KernelRecord {
  readonly facility: number
  readonly level: number
  readonly sequence: number
  /** Microseconds on the kernel's log clock since boot; it drifts from the monotonic clock by minutes in a year. */
  readonly atMicros: number
  readonly message: string
}

/** One process that the kernel killed for want of memory. */
export interface KernelKill {
  /** In the initial pid namespace. */
  readonly pid: number
  readonly comm: string
  /** `memcg`: the limit of a control group. `host`: the machine, a cpuset or a NUMA policy. */
  readonly scope: 'memcg' | 'host'
  /** Group whose limit was reached, and group of the killed; absent in older kernels and outside groups. */
  readonly limitGroup?: string
  readonly taskGroup?: string
  readonly anonBytes?: number
  readonly sequence: number
}

const HEADER = /^(\d+),(\d+),(\d+),[^;]*;/
/** Facility of messages of the kernel itself: programs that write to `/dev/kmsg` get another. */
const KERNEL = 0

/** Undefined for a continuation line or what is no record. The dictionary in the following lines is left out. */
export function parseKernelRecord(text: string): KernelRecord | undefined {
  const header = HEADER.exec(text)
  if (header === null) return undefined
  const priority = Number(header[1])
  const rest = text.slice(header[0].length)
  const end = rest.indexOf('\n')
  return {
    facility: priority >> 3,
    level: priority & 7,
    sequence: Number(header[2]),
    atMicros: Number(header[3]),
    message: end < 0 ? rest : rest.slice(0, end),
  }
}

/** Since Linux 5.0 (`dump_oom_summary`). The name of a task may hold commas: what follows it is taken from the end. */
const SUMMARY =
  /^oom-kill:constraint=CONSTRAINT_(\w+),.*?(?:,oom_memcg=([^,]*),|,global_oom,)(?:task_memcg=([^,]*),)?task=(.*),pid=(\d+),uid=\d+$/
/** `__oom_kill_process`; before 5.0 without the prefix, and with a comma before `UID` or `total-vm`. */
const KILLED =
  /^(Memory cgroup out of memory: |Out of memory(?: \([a-z_]+\))?: |)Killed process (\d+) \((.*)\),? (?:UID \d+, )?total-vm:\d+kB,(?: anon-rss:(\d+)kB)?/

/** Puts the two lines together that the kernel writes for a kill. Keeps nothing but the last summary. */
export function createOomParser(): (record: KernelRecord) => KernelKill | undefined {
  let summary:
    | { pid: number; scope: KernelKill['scope']; limitGroup?: string; taskGroup?: string }
    | undefined
  return ({ facility, message, sequence }) => {
    if (facility !== KERNEL) return undefined
    const said = SUMMARY.exec(message)
    if (said !== null) {
      summary = {
        pid: Number(said[5]),
        scope: said[1] === 'MEMCG' ? 'memcg' : 'host',
        ...(said[2] === undefined ? {} : { limitGroup: said[2] }),
        ...(said[3] === undefined ? {} : { taskGroup: said[3] }),
      }
      return undefined
    }
    const killed = KILLED.exec(message)
    if (killed === null) return undefined
    const pid = Number(killed[2])
    const known = summary?.pid === pid ? summary : undefined
    const anon = killed[4]
    return {
      pid,
      comm: killed[3] ?? '',
      scope: known?.scope ?? (killed[1]?.startsWith('Memory cgroup') ? 'memcg' : 'host'),
      ...(known?.limitGroup === undefined ? {} : { limitGroup: known.limitGroup }),
      ...(known?.taskGroup === undefined ? {} : { taskGroup: known.taskGroup }),
      ...(anon === undefined ? {} : { anonBytes: Number(anon) * 1024 }),
      sequence,
    }
  }
}
