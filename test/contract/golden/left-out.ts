/**
 * Families whose samples say something of the machine and the run of a test rather than of the fixture host. Their
 * HELP, TYPE and UNIT stay in the golden files, their samples do not.
 */
const LEFT_OUT: readonly { readonly families: RegExp; readonly reason: string }[] = [
  { families: /^process_/, reason: 'memory, CPU and descriptors of the process that runs the test' },
  { families: /^nodejs_/, reason: 'the runtime of the test; heap spaces and their number differ by version' },
  { families: /^agent_exporter_build_info$/, reason: 'names the version of Node.js' },
  { families: /^agent_exporter_loop_lag_seconds$/, reason: 'how busy the machine of the test is' },
  {
    families: /^agent_exporter_memory_look(s_total|_delay_seconds)$/,
    reason: 'how long the test takes: an agent near its limit is looked at meanwhile',
  },
  {
    families: /^agent_exporter_store_(commit_duration_seconds|size_bytes)$/,
    reason: 'a real database on the disk of the machine',
  },
  {
    families: /^agent_exporter_store_(writes_total|queue_length)$/,
    reason: 'what the store has done by the time of the scrape is a race with its thread',
  },
]

/** A page without the samples that differ from run to run. */
export function withoutLeftOut(page: string): string {
  let isLeftOut = false
  return page
    .split('\n')
    .filter((line) => {
      const family = /^# (?:HELP|TYPE|UNIT) (\S+)/.exec(line)?.[1]
      if (family !== undefined) isLeftOut = isLeftOutFamily(family)
      return line === '' || line.startsWith('#') || !isLeftOut
    })
    .join('\n')
}

/** @param family as either format prints it, that is with or without a counter's `_total` */
function isLeftOutFamily(family: string): boolean {
  return LEFT_OUT.some(({ families }) => families.test(family) || families.test(`${family}_total`))
}
