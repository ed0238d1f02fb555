import type { Summary } from '../app.ts'
import type { Terminal } from './terminal.ts'
import { cellText, hangText } from './width.ts'

const LISTED_AGENTS = 10
/** Names of files and addresses are copied: they stay whole however narrow the terminal is. */
const WHOLE: ReadonlySet<string> = new Set(['data', 'config', 'urls'])

/** The lines a person reads after `npm start`. */
export function greeting(
  summary: Summary,
  { columns = Number.POSITIVE_INFINITY }: Pick<Terminal, 'columns'>,
): string {
  const { agents } = summary
  const url = summary.urls[0] ?? ''
  const found =
    agents.length === 0
      ? ['no agents yet; start one (claude, codex, aider …) or label a container agent-exporter.agent=<id>']
      : [
          `${agents.length} agent${agents.length === 1 ? '' : 's'}`,
          ...agents.slice(0, LISTED_AGENTS).map(({ id, runtime, processes }) => {
            const size = processes === undefined ? '' : `, ${processes} process${processes === 1 ? '' : 'es'}`
            return `  ${id} (${runtime}${size})`
          }),
          ...(agents.length > LISTED_AGENTS ? [`  … and ${agents.length - LISTED_AGENTS} more`] : []),
        ]
  const rows: [string, readonly string[]][] = [
    ['found', found],
    [
      'reads',
      summary.reach.filter(({ state }) => state === 'ok').map(({ name, detail }) => `${name}: ${detail}`),
    ],
    [
      'lacks',
      summary.reach
        .filter(({ state }) => state !== 'ok')
        .map(({ name, detail, cost }) => `${name}: ${detail}; ${cost}`),
    ],
    ['acts', [summary.acts]],
    ['data', [summary.dataDir]],
    ['config', [summary.configFile ?? 'defaults (no file)']],
    ['urls', [`${url}/metrics`, `${url}/`, `${url}/docs`]],
  ]
  const text = rows
    .filter(([, lines]) => lines.length > 0)
    .map(([name, lines]) =>
      lines
        .flatMap((line, index) => {
          const text = cellText(line.trimStart(), 4_096)
          const indent = ' '.repeat(line.length - line.trimStart().length)
          const head = `  ${(index === 0 ? name : '').padEnd(7)} ${indent}`
          return WHOLE.has(name) ? [`${head}${text}`] : hangText(head, text, columns)
        })
        .join('\n'),
    )
  return `agent-exporter ${summary.version} is running\n${text.join('\n')}\n`
}
