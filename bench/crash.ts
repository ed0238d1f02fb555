// The daemon is killed with SIGKILL at random moments while agents report and people and budgets act on real trees.
//
//   npm run bench:crash [-- --kills 500 --seed 1 --seconds 900]     prints one JSON line; exits 1 when it broke its word
//
// Lost: an acknowledged record, deliverable or action that is not there after a restart. Double: a record that counts
// twice, or an effect that happened more than once for a key, counted by the signals that were really sent. Orphan: a
// stopped process without a journal entry that says why.
//
// Where an engine can be started (root, dockerd, busybox) containers are paused and ended beside the trees, and what the
// engine tells that it did is compared with the journal, key by key. `--containers no` leaves them out.
import { parseArgs } from 'node:util'
import { runCrashes } from '../test/support/crash-harness.ts'
import { startDockerd } from '../test/support/dockerd.ts'
import { findService } from '../test/support/services.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    seconds: { type: 'string' },
    containers: { type: 'string', default: 'auto' },
  },
})

const canStart =
  process.getuid?.() === 0 && findService('dockerd') !== undefined && findService('busybox') !== undefined
await using dockerd = values.containers !== 'no' && canStart ? await startDockerd() : undefined
if (dockerd === undefined) console.error('without containers: not wanted, or no dockerd, or not root')

const report = await runCrashes({
  kills: Number(values.kills),
  seed: Number(values.seed),
  dockerd,
  ...(values.seconds === undefined ? {} : { withinSeconds: Number(values.seconds) }),
  progress: (line) => console.error(line),
})
const { violations, ...counts } = report
for (const violation of violations) console.error(violation)
console.log(JSON.stringify(counts))
process.exitCode = violations.length === 0 ? 0 : 1
