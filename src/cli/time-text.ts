/** The two largest units: `45s`, `12m 5s`, `3h 20m`, `2d 4h`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
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

/** A time of the API without its milliseconds. */
export function formatStamp(iso: string | null | undefined): string {
  return typeof iso === 'string' ? iso.replace(/\.\d+Z$/, 'Z') : '-'
}

/** How long ago a time of the API was; a clock that is ahead of ours is now. @param now wall clock in milliseconds */
export function formatAge(iso: string | null | undefined, now: number): string {
  const at = typeof iso === 'string' ? Date.parse(iso) : Number.NaN
  return Number.isNaN(at) ? '-' : formatSeconds((now - at) / 1_000)
}
