import type { KernelKill } from '../platform/kernel-log/oom.ts'
import { cleanText } from '../platform/text.ts'
import { signalName } from './ending.ts'
import type { Evidence, EvidenceLine, ExitEvidence, MemoryEvidence } from './model.ts'

const SAYS_WHO: Readonly<Record<ExitEvidence['source'], string>> = {
  parent: 'whoever started it',
  engine: 'the container engine',
  zombie: 'its entry in /proc',
  report: 'a report',
}

/** Everything that was known, in words, also what speaks against the judgement. */
export function describeEvidence(evidence: Evidence): readonly EvidenceLine[] {
  const { exit, engine, inspect, group, kernel, host, memory, output, actions, ended } = evidence
  const lines: EvidenceLine[] = []
  const say = (source: EvidenceLine['source'], says: string) => lines.push({ source, says })
  if (exit !== undefined) {
    const how = exit.signal === undefined ? `exit code ${exit.code}` : `ended by ${exit.signal}`
    say('exit', `${how}, says ${SAYS_WHO[exit.source]}`)
  }
  for (const { action, atMs, signal } of engine?.events ?? []) {
    const before = Math.round(ended.atMs - atMs)
    const name = signal === undefined ? '' : ` ${signalName(signal) ?? cleanText(signal, 16)}`
    if (action !== 'die') say('engine', `event ${action}${name}, ${before} ms before the end`)
  }
  if (engine?.coverage === 'partial') say('engine', 'the event stream was not watched all the time')
  if (inspect !== undefined) say('inspect', `OOMKilled is ${inspect.oomKilled}`)
  if (group !== undefined) {
    say('cgroup', `${plural(group.recentKills, 'OOM kill')} just before, ${group.totalKills} in its life`)
  }
  for (const { whom, kill } of kernel?.kills ?? []) say('kernel_log', killLine(whom, kill))
  if (kernel?.kills.length === 0) {
    say('kernel_log', `no OOM kill of it${kernel.coverage === 'whole' ? '' : ', but records are missing'}`)
  }
  if (host !== undefined) {
    const explained = host.explained === 0 ? '' : `, ${host.explained} of them of others`
    say('host', `${plural(host.kills, 'OOM kill')} on the host just then${explained}`)
  }
  if (memory !== undefined) say('memory', memoryLine(memory))
  if (output?.heapLimit !== undefined) {
    const { text, heapBytes } = output.heapLimit
    say('output', `V8: ${text}${heapBytes === undefined ? '' : `, heap ${formatBytes(heapBytes)}`}`)
  }
  if (output?.allocationFailure !== undefined) say('output', `allocation failed: ${output.allocationFailure}`)
  if (output?.errorType !== undefined) say('output', `uncaught ${output.errorType}`)
  for (const { id, trigger, actor } of actions ?? []) {
    say('journal', `terminate ${id} for ${cleanText(actor, 64)} (${trigger}) was under way`)
  }
  return lines
}

function killLine(whom: 'main' | 'child', { pid, comm, scope, limitGroup, anonBytes }: KernelKill): string {
  const who = whom === 'main' ? 'the main process' : 'a child'
  const size = anonBytes === undefined ? '' : ` with ${formatBytes(anonBytes)}`
  const why =
    scope === 'host' ? 'the host was out of memory' : `limit of ${cleanText(limitGroup ?? 'its group')}`
  return `the kernel killed ${who}, ${pid} (${cleanText(comm, 16)})${size}: ${why}`
}

function memoryLine({ lastBytes, peakBytes, limitBytes, trend }: MemoryEvidence): string {
  const limit = limitBytes === undefined ? '' : ` of ${formatBytes(limitBytes)}`
  return `last ${formatBytes(lastBytes)}${limit}, peak ${formatBytes(peakBytes)}, ${trend}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** For people: three digits at most before the unit. */
export function formatBytes(bytes: number): string {
  let value = Number.isFinite(bytes) ? Math.max(0, bytes) : 0
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
