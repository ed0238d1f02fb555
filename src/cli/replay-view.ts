import type { Level } from '../memory/model.ts'
import type { ReplayStep, ReplaySummary } from '../replay/replay.ts'
import { type Cell, formatBytes, renderRow } from './table.ts'
import type { Style, Terminal } from './terminal.ts'

/** Known before the first row: a trace is longer than what fits into memory. */
const WIDTHS = [20, 12, 9, 12, 8]
const HEAD = ['TIME', 'LEVEL', 'TREND', 'GROWTH', 'LIMIT IN', 'WHAT']
/** The rest of the line, where lines have an end. */
const UNBOUNDED_WHAT = 80

const LEVEL_STYLES: Readonly<Record<Level, Style | undefined>> = {
  healthy: undefined,
  warning: 'yellow',
  critical: 'red',
  oom_imminent: 'bold red',
}

export function replayHead(terminal: Terminal): string {
  return renderRow(HEAD, widths(terminal), terminal)
}

/** One line for what changed, and one for each further alert. */
export function replayRows({ line, raised }: ReplayStep, terminal: Terminal): string {
  const { t, level, trend, growthBytesPerSecond: growth, limitReachedSeconds: left } = line
  const rate = growth === null ? '-' : `${formatBytes(growth)}/s`
  const cells = (what: string): Cell[] => [
    formatTime(t),
    { text: level, style: LEVEL_STYLES[level] },
    trend,
    rate,
    left === null ? '-' : formatSeconds(left),
    what,
  ]
  const rows = raised.length === 0 ? [''] : raised.map(({ type, message }) => `${type}: ${message}`)
  return rows.map((what) => renderRow(cells(what), widths(terminal), terminal)).join('\n')
}

export function replaySummary(summary: ReplaySummary): string {
  const { rows, failedReads, restarts, seconds, peakRssBytes, secondsAt, alerts, firstGrowingAt } = summary
  const at = Object.entries(secondsAt).map(([level, spent]) => `${level} ${formatSeconds(spent)}`)
  const told = Object.entries(alerts).map(([type, times]) => `${times} ${type}`)
  return [
    `rows     ${rows} in ${formatSeconds(seconds)}, ${failedReads} without a reading, ${restarts} restart${restarts === 1 ? '' : 's'}`,
    `peak     ${formatBytes(peakRssBytes)} resident`,
    `levels   ${at.join(', ') || '-'}`,
    `growing  ${firstGrowingAt === undefined ? 'never' : `first at ${formatTime(firstGrowingAt)}`}`,
    `alerts   ${told.join(', ') || 'none'}`,
  ].join('\n')
}

/** A moment of the calendar when the trace has Unix times, otherwise hours since its zero. */
function formatTime(seconds: number): string {
  if (seconds >= 1e9) return new Date(seconds * 1_000).toISOString().replace(/\.\d+Z$/, 'Z')
  const whole = Math.floor(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${Math.floor(whole / 3_600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
}

/** The two largest units: `45s`, `12m 5s`, `3h 20m`, `2d 4h`. */
function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds)
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ]
  const first = parts.findIndex(([value]) => value > 0)
  if (first === -1) return '0s'
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0)
  return shown.map(([value, unit]) => `${value}${unit}`).join(' ')
}

function widths({ columns }: Terminal): readonly number[] {
  return [...WIDTHS, columns ?? UNBOUNDED_WHAT]
}
