import type { ReplayStep, ReplaySummary } from '../replay/replay.ts'
import { levelStyle } from './level-style.ts'
import { type Cell, formatBytes, renderRow } from './table.ts'
import { paint, type Terminal } from './terminal.ts'
import { formatSeconds } from './time-text.ts'
import { fitText } from './width.ts'

/** Known before the first row: a trace is longer than what fits into memory. */
const WIDTHS = [12, 9, 12, 9] as const
const CLOCK_WIDTH = 9
const CALENDAR_WIDTH = 20
/** Later times are Unix times. */
const CALENDAR_FROM = 1e9
const HEAD = ['TIME', 'LEVEL', 'TREND', 'GROWTH', 'LIMIT IN']

/** @param first time of the first row */
export function replayHead(first: number, terminal: Terminal): string {
  return renderRow(HEAD, widths(first), terminal)
}

/** One line for what changed, and one below it for each alert. */
export function replayRows({ line, raised }: ReplayStep, terminal: Terminal): string {
  const { t, level, trend, growthBytesPerSecond: growth, limitReachedSeconds: left } = line
  const { columns = Number.POSITIVE_INFINITY } = terminal
  const cells: Cell[] = [
    formatTime(t),
    { text: level, style: levelStyle(level) },
    trend,
    growth === null ? '-' : `${formatBytes(growth)}/s`,
    left === null ? '-' : formatSeconds(left),
  ]
  const alerts = raised.map(({ type, message }) => {
    const text = fitText(`  ${type}: ${message}`, columns)
    return paint(text, levelStyle(type), terminal)
  })
  return [renderRow(cells, widths(t), terminal), ...alerts].join('\n')
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
  if (seconds >= CALENDAR_FROM) return new Date(seconds * 1_000).toISOString().replace(/\.\d+Z$/, 'Z')
  const whole = Math.floor(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${Math.floor(whole / 3_600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
}

const widths = (t: number): readonly number[] => [t < CALENDAR_FROM ? CLOCK_WIDTH : CALENDAR_WIDTH, ...WIDTHS]
