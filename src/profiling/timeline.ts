/** One look at a whole process tree. `undefined` = not read. */
export interface Look {
  /** Seconds since the command began. */
  readonly seconds: number
  readonly rssBytes: number | undefined
  /** Used up to now by every process that was seen; never falls. */
  readonly cpuSeconds: number
  readonly processes: number
}

/** The looks of one run, thinned out so that a day costs what an hour costs. */
export interface Timeline {
  add(look: Look): void
  looks(): readonly Look[]
}

/** More points than a chart has columns. */
const MOST_LOOKS = 4_096

export function createTimeline(): Timeline {
  let looks: Look[] = []
  return {
    add(look) {
      looks.push(look)
      if (looks.length >= MOST_LOOKS) looks = thinned(looks)
    },
    looks: () => looks,
  }
}

/** Of two neighbours the larger one stays: a peak must not disappear. The first and the last look stay in any case. */
function thinned(looks: readonly Look[]): Look[] {
  const kept = [looks[0]!]
  for (let i = 1; i + 1 < looks.length - 1; i += 2) {
    const [a, b] = [looks[i]!, looks[i + 1]!]
    kept.push((a.rssBytes ?? -1) > (b.rssBytes ?? -1) ? a : b)
  }
  kept.push(looks.at(-1)!)
  return kept
}

/** Header of the file that is written beside the chart; `agent-exporter replay` reads it. */
export const TIMELINE_HEADER = 'time_s,rss_bytes,cpu_seconds,processes'

export function timelineRow({ seconds, rssBytes, cpuSeconds, processes }: Look): string {
  return `${seconds.toFixed(3)},${rssBytes ?? ''},${cpuSeconds.toFixed(2)},${processes}`
}
