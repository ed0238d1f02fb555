/** The rule that is compared with: newest minus oldest of six samples, ten seconds apart. */
export interface EndpointRule {
  /** One sample every ten seconds. Returns whether it says `growing`. */
  add(bytes: number): boolean
}

const SAMPLES = 6
/** Dead band: 1 MiB a minute. */
const BAND_BYTES_PER_MINUTE = 1_048_576
const WINDOW_MINUTES = ((SAMPLES - 1) * 10) / 60

export function createEndpointRule(): EndpointRule {
  const last: number[] = []
  return {
    add(bytes) {
      last.push(bytes)
      if (last.length > SAMPLES) last.shift()
      if (last.length < SAMPLES) return false
      return (bytes - last[0]!) / WINDOW_MINUTES > BAND_BYTES_PER_MINUTE
    },
  }
}
