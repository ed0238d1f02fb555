/** Formats a number, `decimals` as configured; undefined: as many as are needed. */
type Format = (value: number, decimals: number | undefined, now: number) => string

const SI = ['', ' K', ' Mil', ' Bil', ' Tri', ' Quadr', ' Quint', ' Sext', ' Sept']
const COUNT = ['', 'K', 'M', 'B', 'T']
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi']

/**
 * The units that the boards use, as Grafana writes them.
 * @see grafana-data: valueFormats/categories.ts
 */
const FORMATS: Readonly<Record<string, Format>> = {
  none: fixed,
  short: scaled(1000, SI),
  percentunit: (value, decimals) => `${fixed(100 * value, decimals)}%`,
  bytes: binary('B'),
  binBps: binary('B/s'),
  ops: scaled(1000, COUNT, ' ops/s'),
  currencyUSD: (value, decimals) =>
    `${value < 0 ? '-' : ''}$${scaled(1000, COUNT)(Math.abs(value), decimals, 0)}`,
  bool_yes_no: (value) => (value === 0 ? 'No' : 'Yes'),
  s: seconds,
  dtdurations: duration,
  dateTimeFromNow: (value, _, now) => fromNow(value, now),
}

/**
 * @param now ms since the epoch, for units that tell how long ago something was
 * @throws Error for a unit that is not written here
 */
export function formatNumber(unit: string, value: number, decimals: number | undefined, now: number): string {
  if (!Number.isFinite(value)) return value.toLocaleString('en')
  if (unit.startsWith('suffix:')) return `${fixed(value, decimals)} ${unit.slice('suffix:'.length)}`
  const format = FORMATS[unit]
  if (format === undefined) throw new Error(`the unit ${unit} has no model`)
  return format(value, decimals, now)
}

const DIGITS = 3

/** Without a wish three digits, all of those before the point, and no zeros at the end. */
function fixed(value: number, decimals: number | undefined): string {
  if (decimals !== undefined) return value.toFixed(decimals)
  if (value === 0) return '0'
  const places = DIGITS - 1 - Math.floor(Math.log10(Math.abs(value)))
  return String(Number(value.toFixed(Math.min(100, Math.max(0, places)))))
}

function scaled(factor: number, names: readonly string[], unit = ''): Format {
  return (value, decimals) => {
    const power = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)) / Math.log10(factor))
    const at = Math.min(Math.max(power, 0), names.length - 1)
    return `${fixed(value / factor ** at, decimals)}${names[at]}${unit}`
  }
}

function binary(unit: string): Format {
  return scaled(
    1024,
    BINARY.map((prefix) => ` ${prefix}${unit}`),
  )
}

const STEPS: readonly (readonly [below: number, size: number, unit: string])[] = [
  [1e-6, 1e-9, 'ns'],
  [1e-3, 1e-6, 'µs'],
  [1, 1e-3, 'ms'],
  [60, 1, 's'],
  [3600, 60, 'mins'],
  [86_400, 3600, 'hours'],
  [604_800, 86_400, 'days'],
  [31_536_000, 604_800, 'weeks'],
  [Infinity, 31_556_900, 'years'],
]

function seconds(value: number, decimals: number | undefined): string {
  if (value === 0) return `${fixed(0, decimals)} s`
  const [, size, unit] = STEPS.find(([below]) => Math.abs(value) < below)!
  const amount = fixed(value / size, decimals)
  return `${amount} ${unit.length > 2 && amount === '1' ? unit.slice(0, -1) : unit}`
}

const PARTS: readonly (readonly [ms: number, name: string])[] = [
  [31_536_000_000, 'year'],
  [2_592_000_000, 'month'],
  [604_800_000, 'week'],
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
  [1, 'millisecond'],
]

/** The largest unit, and as many smaller ones as there are decimals. */
function duration(value: number, decimals: number | undefined): string {
  if (value === 0) return '0 seconds'
  const ms = Math.abs(value) * 1000
  const first = PARTS.findIndex(([size]) => ms >= size)
  const texts = first === -1 ? [] : PARTS.slice(first, first + 1 + (decimals ?? 0))
  let left = ms
  const parts = texts.map(([size, name]) => {
    const count = Math.floor(left / size)
    left %= size
    return `${count} ${name}${count === 1 ? '' : 's'}`
  })
  return `${parts.join(', ')}${value < 0 ? ' ago' : ''}`
}

const AGO: readonly (readonly [below: number, size: number, one: string, many: string])[] = [
  [45, 1, 'a few seconds', ''],
  [2700, 60, 'a minute', 'minutes'],
  [79_200, 3600, 'an hour', 'hours'],
  [2_246_400, 86_400, 'a day', 'days'],
  [27_648_000, 2_629_746, 'a month', 'months'],
  [Infinity, 31_556_952, 'a year', 'years'],
]

function fromNow(at: number, now: number): string {
  const passed = Math.abs(now - at) / 1000
  const [, size, one, many] = AGO.find(([below]) => passed < below)!
  const count = Math.max(1, Math.round(passed / size))
  const text = many === '' || count === 1 ? one : `${count} ${many}`
  return at <= now ? `${text} ago` : `in ${text}`
}
