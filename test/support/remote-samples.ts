import type { RemoteSample } from '../../src/compat/model.ts'

/** A sample of which only the resident memory is known. */
export function remoteSample(more: Partial<RemoteSample> = {}): RemoteSample {
  return {
    ...{ agent: 'a', toldAtMs: 1_000, atMs: 1_000, status: undefined, pid: undefined, rssBytes: 1_000 },
    ...{ heapUsedBytes: undefined, heapTotalBytes: undefined, cpuPercent: undefined, trend: undefined },
    ...{ trendRatePerMinute: undefined, alertLevel: undefined, highWatermark: undefined },
    ...{ lowWatermark: undefined, averageRss: undefined, limitBytes: undefined, uptimeMs: undefined },
    startedAtMs: undefined,
    ...more,
  }
}
