import { html, type Markup } from './markup.ts'

/** What stands where nothing is known: never a 0. */
export const UNKNOWN = '–'

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `190 MiB`: three digits that mean something. */
export function bytes(amount: number | undefined): string {
  if (amount === undefined || !Number.isFinite(amount)) return UNKNOWN
  let value = amount
  let unit = 0
  while (Math.abs(value) >= 1_000 && unit < BYTE_UNITS.length - 1) {
    value /= 1_024
    unit++
  }
  return `${significant(value)} ${BYTE_UNITS[unit]}`
}

/** `83 %`; never `100 %` of something that is not full. */
export function percent(ratio: number | undefined): string {
  if (ratio === undefined || !Number.isFinite(ratio)) return UNKNOWN
  const value = ratio * 100
  return `${value < 10 ? Math.floor(value * 10) / 10 : Math.floor(value)} %`
}

// One for all: to make one costs more than to render a row.
const WHOLE = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 })
const FINE = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 2 })

/** `1,234,567` and `0.25`. */
export function count(amount: number | undefined | null): string {
  if (amount === undefined || amount === null || !Number.isFinite(amount)) return UNKNOWN
  return (Math.abs(amount) < 10 ? FINE : WHOLE).format(amount)
}

export function money(usd: number | undefined | null): string {
  if (usd === undefined || usd === null || !Number.isFinite(usd)) return UNKNOWN
  return `$${usd.toFixed(usd !== 0 && Math.abs(usd) < 1 ? 4 : 2)}`
}

const STEPS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
] as const

/** `4 min`, `2 h 5 min`. @param seconds rounded down */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return UNKNOWN
  const whole = Math.max(0, Math.floor(seconds))
  for (const [index, [size, unit]] of STEPS.entries()) {
    if (whole < size) continue
    const [nextSize, nextUnit] = STEPS[index + 1] ?? [undefined, '']
    const rest = nextSize === undefined ? 0 : Math.floor((whole % size) / nextSize)
    return `${Math.floor(whole / size)} ${unit}${rest > 0 ? ` ${rest} ${nextUnit}` : ''}`
  }
  return `${whole} s`
}

/** `2 min ago`, with the exact time where the pointer rests. */
export function ago(iso: string | null | undefined, nowMs: number): Markup | string {
  if (iso === undefined || iso === null) return UNKNOWN
  const seconds = (nowMs - Date.parse(iso)) / 1_000
  return html`<time datetime="${iso}" title="${stamp(iso)}">${seconds < 1 ? 'just now' : `${duration(seconds)} ago`}</time>`
}

/** `12:03:04` of today, else with its date; UTC, as in the logs. */
export function moment(iso: string, nowMs: number): Markup {
  const isToday = iso.slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10)
  const shown = isToday ? iso.slice(11, 19) : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`
  return html`<time datetime="${iso}" title="${stamp(iso)}">${shown}</time>`
}

export function stamp(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
}

function significant(value: number): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}
