import { levelStyle } from './level-style.ts'
import type { FleetMetrics, MeasuredAgent } from './monitoring.ts'
import { type Column, formatBytes, renderColumns } from './table.ts'
import type { Terminal } from './terminal.ts'
import { formatSeconds } from './time-text.ts'
import { fitText } from './width.ts'

/** Memory of one agent over the last hour, oldest first; undefined = not read. */
export type History = readonly { readonly atMs: number; readonly bytes: number | undefined }[]

const SPARK_CELLS = 12
const SPARKS = '▁▂▃▄▅▆▇█'
const SHOWN_LEVEL: Readonly<Record<string, string>> = { oom_imminent: 'OOM IMMINENT' }

/** The table of `agent-exporter metrics` with its totals, and a hint when something is wrong. */
export function renderMetrics(
  { agents, system }: FleetMetrics,
  histories: ReadonlyMap<string, History>,
  terminal: Terminal,
): string {
  if (agents.length === 0) return 'No agents.'
  const table = renderColumns(columns(agents, histories), agents, terminal)
  const total = agents.every(({ rssBytes }) => rssBytes === null)
    ? undefined
    : agents.reduce((sum, { rssBytes }) => sum + (rssBytes ?? 0), 0)
  const host =
    system.totalMemory === null || system.totalMemory === undefined
      ? ''
      : `; host ${formatBytes(system.availableMemory)} available of ${formatBytes(system.totalMemory)}`
  const lines = [`${agents.length} agent${agents.length === 1 ? '' : 's'}, ${formatBytes(total)}${host}`]
  if (agents.some(({ alertLevel }) => levelStyle(alertLevel) !== undefined)) {
    lines.push('Not all is well: agent-exporter health says more.')
  }
  const { columns: width = Number.POSITIVE_INFINITY } = terminal
  return [table, '', ...lines.map((line) => fitText(line, width))].join('\n')
}

function columns(
  agents: readonly MeasuredAgent[],
  histories: ReadonlyMap<string, History>,
): readonly Column<MeasuredAgent>[] {
  const isRemote = agents.some(({ host }) => host !== null && host !== undefined)
  return [
    { head: 'AGENT', cell: ({ name }) => name },
    ...(isRemote ? [{ head: 'HOST', cell: (of: MeasuredAgent) => of.host ?? '-', spare: 6 }] : []),
    { head: 'PID', whole: true, cell: ({ pid }) => String(pid ?? '-'), spare: 4 },
    { head: 'STATUS', cell: ({ status }) => status, spare: 7 },
    { head: 'MEMORY', whole: true, cell: ({ rssBytes }) => formatBytes(rssBytes) },
    { head: 'LIMIT', whole: true, cell: ({ limitBytes }) => formatBytes(limitBytes), spare: 2 },
    { head: 'HEAP', whole: true, cell: ({ heapUsedBytes }) => formatBytes(heapUsedBytes), spare: 8 },
    { head: 'LAST HOUR', whole: true, cell: ({ name }) => sparkline(histories.get(name) ?? []), spare: 3 },
    {
      head: 'CPU',
      whole: true,
      cell: ({ cpuPercent }) => (cpuPercent === null ? '-' : `${cpuPercent.toFixed(0)}%`),
    },
    { head: 'TREND', whole: true, cell: ({ trend }) => trend ?? '-' },
    {
      head: 'PER MIN',
      whole: true,
      cell: ({ trendRatePerMinute }) => rateText(trendRatePerMinute),
      spare: 5,
    },
    { head: 'FULL IN', whole: true, cell: fullIn, spare: 1 },
    { head: 'LEVEL', whole: true, cell: ({ alertLevel }) => levelCell(alertLevel) },
    {
      head: 'UPTIME',
      whole: true,
      cell: ({ uptimeMs }) => (uptimeMs === null ? '-' : formatSeconds(uptimeMs / 1_000)),
      spare: 3.5,
    },
  ]
}

function levelCell(level: string | null): { text: string; style: ReturnType<typeof levelStyle> } {
  return { text: (level && SHOWN_LEVEL[level]) ?? level ?? '-', style: levelStyle(level) }
}

function rateText(bytes: number | null): string {
  if (bytes === null) return '-'
  return bytes > 0 ? `+${formatBytes(bytes)}` : formatBytes(bytes)
}

function fullIn({ timeToLimitSeconds: left }: MeasuredAgent): string {
  return left === null || left === undefined ? '-' : formatSeconds(left.low)
}

/**
 * The course of memory in a few cells of equal time, from the lowest to the highest value; a middle line when it did
 * not move, a space where nothing was read.
 */
export function sparkline(history: History): string {
  const [first, last] = [history[0], history.at(-1)]
  if (first === undefined || last === undefined) return '-'
  const cells: (number | undefined)[] = new Array(Math.min(SPARK_CELLS, history.length)).fill(undefined)
  const spanMs = Math.max(1, last.atMs - first.atMs)
  for (const { atMs, bytes } of history) {
    if (bytes === undefined) continue
    const cell = Math.min(cells.length - 1, Math.floor((cells.length * (atMs - first.atMs)) / spanMs))
    cells[cell] = Math.max(cells[cell] ?? bytes, bytes)
  }
  const seen = cells.filter((bytes) => bytes !== undefined)
  if (seen.length === 0) return '-'
  const low = Math.min(...seen)
  const span = Math.max(...seen) - low
  const shares = cells.map((bytes) =>
    bytes === undefined ? undefined : span === 0 ? 0.5 : (bytes - low) / span,
  )
  return shares.map(sparkOf).join('')
}

function sparkOf(share: number | undefined): string {
  return share === undefined ? ' ' : SPARKS[Math.min(SPARKS.length - 1, Math.floor(share * SPARKS.length))]!
}
