import { bytes, duration } from './amounts.ts'
import { memoryScale } from './gauge.ts'
import { html, type Markup } from './markup.ts'
import type { AgentDetail, ShownMemory } from './model.ts'

const WIDTH = 600
const HEIGHT = 120
/** Room above the limit, so that its line is seen. */
const HEADROOM = 1.05

/** Memory over time below its limit, drawn on the server. Nothing is drawn of fewer than two samples. */
export function memoryChart(
  points: AgentDetail['memory'],
  memory: ShownMemory,
  nowMs: number,
): Markup | undefined {
  const [first] = points
  const last = points.at(-1)
  if (first === undefined || last === undefined || first === last) return undefined
  const { bytes: limit, isLimit } = memoryScale(memory)
  const top = HEADROOM * Math.max(limit ?? 0, ...points.map((point) => point.bytes))
  const span = Math.max(1, nowMs - first.at)
  const x = (at: number) => (((at - first.at) / span) * WIDTH).toFixed(1)
  const y = (amount: number) => (HEIGHT - (amount / top) * HEIGHT).toFixed(1)
  const line = points.map(({ at, bytes: amount }) => `${x(at)},${y(amount)}`).join(' ')
  const level = (name: string, amount: number | undefined) =>
    amount !== undefined &&
    amount < top &&
    html`<line class="chart-${name}" x1="0" x2="${WIDTH}" y1="${y(amount)}" y2="${y(amount)}"/>`
  const lasts = duration(span / 1_000)
  return html`<figure><svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="Memory over ${lasts}: from ${bytes(first.bytes)} to ${bytes(last.bytes)}">${level('warning', memory.thresholds?.warning)}${level('critical', memory.thresholds?.critical)}${level('limit', limit)}<polyline class="chart-line" points="${line}"/></svg><figcaption class="faint"><span>${lasts} ago: ${bytes(first.bytes)}</span><span>${limit !== undefined && `${isLimit ? 'limit' : 'full'} at ${bytes(limit)}`}</span><span>now: ${bytes(last.bytes)}</span></figcaption></figure>`
}
