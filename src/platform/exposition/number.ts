/** A sample's value: shortest text that reads back as the same double, `NaN`, `+Inf`, `-Inf`. */
export function formatValue(value: number): string {
  // Infinity and NaN are the only numbers that are not equal to themselves after this.
  return value - value === 0 ? `${value}` : formatSpecial(value)
}

function formatSpecial(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}

/**
 * A bucket's upper bound in OpenMetrics' canonical form, which is Go's `%g` with at least one decimal:
 * `100.0`, `0.25`, `1e+06`, `1e-05`. Prometheus 3 normalises to it, so the label is the same in every version.
 */
export function formatBound(bound: number): string {
  if (bound === 0 || bound - bound !== 0) return bound === 0 ? '0.0' : formatSpecial(bound)
  const [mantissa, power] = bound.toExponential().split('e') as [string, string]
  const exponent = Number(power)
  // Go's strconv.FormatFloat(x, 'g', -1, 64) writes an exponent below 1e-4 and from 1e6 on.
  if (exponent < -4 || exponent >= 6) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  return Number.isInteger(bound) ? `${bound}.0` : `${bound}`
}
