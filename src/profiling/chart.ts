import { cleanText } from '../platform/text.ts'
import type { Look } from './timeline.ts'

const WIDTH = 960
const PANEL_HEIGHT = 200
const LEFT = 90
const RIGHT = 20
const TOP = 60
const GAP = 60
const STEPS = 4

interface Panel {
  readonly title: string
  readonly colour: string
  readonly points: readonly (readonly [seconds: number, value: number | undefined])[]
  readonly format: (value: number) => string
  /** Least height of the scale. */
  readonly least: number
}

const MIB = 2 ** 20

/** Memory and CPU over time as one SVG: it loads nothing, runs nothing, and shows names as text. */
export function renderChart(name: string, looks: readonly Look[]): string {
  const end = Math.max(looks.at(-1)?.seconds ?? 0, 1)
  const panels: readonly Panel[] = [
    {
      title: 'Resident memory of all processes (MiB)',
      colour: '#2563eb',
      points: looks.map(({ seconds, rssBytes }) => [seconds, rssBytes]),
      format: (bytes) => (bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0),
      least: MIB,
    },
    {
      title: 'CPU (% of one core)',
      colour: '#d97706',
      points: looks.map((look, i) => [look.seconds, cpuShare(looks[i - 1], look)]),
      format: (share) => (share * 100).toFixed(0),
      least: 0.1,
    },
  ]
  const height = TOP + panels.length * (PANEL_HEIGHT + GAP)
  const title = escapeXml(cleanText(name, 120))
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${LEFT}" y="28" font-size="18" fill="#111827">${title}</text>
${panels.map((panel, i) => renderPanel(panel, TOP + i * (PANEL_HEIGHT + GAP), end)).join('\n')}
</svg>
`
}

function renderPanel({ title, colour, points, format, least }: Panel, top: number, end: number): string {
  const most = Math.max(least, ...points.map(([, value]) => value ?? 0))
  const x = (seconds: number): string => (LEFT + ((WIDTH - LEFT - RIGHT) * seconds) / end).toFixed(1)
  const y = (value: number): string => (top + PANEL_HEIGHT * (1 - value / most)).toFixed(1)
  const lines: string[] = [`<text x="${LEFT}" y="${top - 8}" fill="#374151">${escapeXml(title)}</text>`]
  for (let step = 0; step <= STEPS; step++) {
    const value = (most * step) / STEPS
    const seconds = (end * step) / STEPS
    const bottom = top + PANEL_HEIGHT + 16
    lines.push(
      `<line x1="${LEFT}" y1="${y(value)}" x2="${WIDTH - RIGHT}" y2="${y(value)}" stroke="#e5e7eb"/>`,
      `<text x="${LEFT - 8}" y="${y(value)}" text-anchor="end" dominant-baseline="middle" fill="#6b7280">${format(value)}</text>`,
      `<text x="${x(seconds)}" y="${bottom}" text-anchor="middle" fill="#6b7280">${secondsText(seconds, end)}</text>`,
    )
  }
  for (const stretch of stretches(points)) {
    const path = stretch.map(([seconds, value]) => `${x(seconds)},${y(value)}`).join(' ')
    lines.push(`<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${path}"/>`)
  }
  return `<g>\n${lines.join('\n')}\n</g>`
}

/** A gap stays a gap: what was not read is not drawn. */
function stretches(points: Panel['points']): (readonly [number, number])[][] {
  const found: (readonly [number, number])[][] = []
  let open: (readonly [number, number])[] = []
  for (const [seconds, value] of points) {
    if (value !== undefined) open.push([seconds, value])
    else if (open.length > 0) {
      found.push(open)
      open = []
    }
  }
  if (open.length > 0) found.push(open)
  return found
}

function cpuShare(before: Look | undefined, { seconds, cpuSeconds }: Look): number | undefined {
  if (before === undefined || seconds <= before.seconds) return undefined
  return (cpuSeconds - before.cpuSeconds) / (seconds - before.seconds)
}

function secondsText(seconds: number, end: number): string {
  if (end >= 7_200) return `${(seconds / 3_600).toFixed(1)} h`
  if (end >= 120) return `${(seconds / 60).toFixed(1)} min`
  return `${seconds.toFixed(end < 10 ? 1 : 0)} s`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** XML knows fewer characters than terminals: lone surrogates and non-characters make a file unreadable. */
function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ENTITIES[char]!).replace(/[\ufffe\uffff]|\p{Cs}/gu, '\ufffd')
}
