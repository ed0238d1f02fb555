import type { Family } from './family.ts'

/** A room's heading and what it exports. A collector fits as it is. */
export interface MetricsGroup {
  readonly name: string
  readonly families: readonly Family[]
}

const HEAD = `# Metrics

Written by \`npm run docs\` from the declarations in the code; \`npm run docs -- --check\` fails when it is out of date.
A family appears in \`/metrics\` as soon as it has a value. What could not be read is absent, never 0.
`

/** Text of \`docs/metrics.md\`. A family that several collectors measure is listed under each of them. */
export function renderMetricsPage(groups: readonly MetricsGroup[]): string {
  const sections = groups
    .filter(({ families }) => families.length > 0)
    .map(({ name, families }) => {
      const rows = [...families].sort((a, b) => (a.name < b.name ? -1 : 1)).map(row)
      const head = '| metric | type | unit | labels | meaning and source |\n| --- | --- | --- | --- | --- |'
      return `\n## ${name}\n\n${head}\n${rows.join('\n')}\n`
    })
  return HEAD + sections.join('')
}

function row({ name, type, unit, labels, help, buckets }: Family): string {
  const kind = buckets === undefined ? type : `${type} (${buckets.join(', ')})`
  const labelNames = labels.map((label) => `\`${label}\``).join(', ')
  return `| ${[`\`${name}\``, kind, unit ?? '', labelNames, help.replaceAll('|', '\\|')].join(' | ')} |`
}
