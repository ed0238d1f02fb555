/** What Grafana's dark theme makes of the names of colours. */
const NAMED: Readonly<Record<string, string>> = {
  green: '#73bf69',
  yellow: '#fade2a',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#5794f2',
  purple: '#b877d9',
  text: '#ccccdc',
}
/** Series without a colour of their own, in their order: Grafana's `palette-classic`. */
const CLASSIC = [
  ...['#73bf69', '#f2cc0c', '#8ab8ff', '#ff780a', '#f2495c', '#5794f2', '#b877d9', '#705da0'],
  ...['#37872d', '#fade2a', '#447ebc', '#c15c17', '#890f02', '#0a437c', '#6d1f62', '#584477'],
]

/** A name that Grafana knows, or a colour as CSS writes it. */
export function cssColour(name: string): string {
  return NAMED[name] ?? name
}

export function paletteColour(index: number): string {
  return CLASSIC[index % CLASSIC.length]!
}

/** Dark letters on light colours, light ones on dark. @param colour `#rrggbb` */
export function readableOn(colour: string): string {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! > 0.45 ? '#111217' : '#ffffff'
}
