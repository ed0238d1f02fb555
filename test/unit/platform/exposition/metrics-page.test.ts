import { expect, test } from 'vitest'
import { gauge } from '../../../../src/platform/exposition/family.ts'
import { renderMetricsPage } from '../../../../src/platform/exposition/metrics-page.ts'
import { cpu, duration, rss } from '../../../support/sample-families.ts'

test('the page lists families by collector with type, unit, labels and source', () => {
  const odd = gauge('agent_odd', { help: 'a | b' })
  const page = renderMetricsPage([
    { name: 'process', families: [rss, cpu] },
    { name: 'empty', families: [] },
    { name: 'control', families: [duration, odd] },
  ])
  expect(page.slice(page.indexOf('\n## '))).toBe(`
## process

| metric | type | unit | labels | meaning and source |
| --- | --- | --- | --- | --- |
| \`agent_cpu_seconds_total\` | counter | seconds | \`agent\`, \`mode\` | CPU time. |
| \`agent_memory_rss_bytes\` | gauge | bytes | \`agent\` | Resident memory "RSS" of C:\\agents. |

## control

| metric | type | unit | labels | meaning and source |
| --- | --- | --- | --- | --- |
| \`agent_action_duration_seconds\` | histogram (0.25, 1, 100, 1000000) | seconds | \`action\` | From admitted to verified. |
| \`agent_odd\` | gauge |  |  | a \\| b |
`)
})
