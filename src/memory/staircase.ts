import type { Points } from './sen.ts'

/** Sum of squared distances to the best line (least squares). */
export function lineResidual({ atMs, bytes }: Points): number {
  const m = atMs.length
  let t = 0
  let y = 0
  for (let i = 0; i < m; i++) {
    t += atMs[i]! / m
    y += bytes[i]! / m
  }
  let tt = 0
  let ty = 0
  let yy = 0
  for (let i = 0; i < m; i++) {
    const dt = atMs[i]! - t
    const dy = bytes[i]! - y
    tt += dt * dt
    ty += dt * dy
    yy += dy * dy
  }
  return tt > 0 ? Math.max(0, yy - (ty * ty) / tt) : yy
}

/** Sum of squared distances to the best staircase of three levels. */
export function staircaseResidual({ bytes }: Points): number {
  const m = bytes.length
  const sum = new Float64Array(m + 1)
  const squares = new Float64Array(m + 1)
  // Against the first value: squares of gigabytes would leave no digits for the differences.
  const origin = bytes[0] ?? 0
  for (let i = 0; i < m; i++) {
    const value = bytes[i]! - origin
    sum[i + 1] = sum[i]! + value
    squares[i + 1] = squares[i]! + value * value
  }
  const flat = (from: number, to: number) => {
    const s = sum[to]! - sum[from]!
    return squares[to]! - squares[from]! - (s * s) / (to - from)
  }
  let best = flat(0, m)
  for (let i = 1; i < m - 1; i++) {
    const first = flat(0, i)
    for (let j = i + 1; j < m; j++) best = Math.min(best, first + flat(i, j) + flat(j, m))
  }
  return Math.max(0, best)
}
