/**
 * Loaded into the daemon with `--import`: every signal it sends is appended to the file that `RECORD_SIGNALS` names,
 * with what the target was. One write(2) before each kill(2), so that what was done is known however the daemon ends.
 */
import { openSync, readFileSync, writeSync } from 'node:fs'

/** `pid startTime`; of a group that of its leader. */
function lifeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${Math.abs(pid)}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0'
  } catch {
    return '0'
  }
}

const path = process.env['RECORD_SIGNALS']
if (path !== undefined) {
  const file = openSync(path, 'a', 0o600)
  const kill = process.kill.bind(process)
  process.kill = (pid, signal) => {
    if (signal !== 0) writeSync(file, `${signal} ${pid} ${lifeOf(pid)}\n`)
    return kill(pid, signal)
  }
}
