import type { Style } from './terminal.ts'

const STYLES: Readonly<Record<string, Style>> = {
  warning: 'yellow',
  trend_warning: 'yellow',
  medium: 'yellow',
  high: 'red',
  critical: 'red',
  oom_imminent: 'bold red',
}

/** How bad things are shown, whatever scale they are on; everything else has no colour. */
export function levelStyle(level: string | null | undefined): Style | undefined {
  return level !== null && level !== undefined && Object.hasOwn(STYLES, level) ? STYLES[level] : undefined
}
