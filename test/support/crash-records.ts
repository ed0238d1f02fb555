import type { CrashCause, CrashRecord } from '../../src/crashes/model.ts'

/** A crash of no importance. */
export function crashRecord(more: Partial<CrashRecord> = {}): CrashRecord {
  const atMs = more.atMs ?? 1_000
  return {
    ...{
      id: 'crash-1',
      origin: 'daemon-a',
      witness: 'seen',
      agent: 'a',
      incarnation: undefined,
      runtime: undefined,
    },
    ...{ role: undefined, pid: undefined, atMs, occurrences: 1, lastAtMs: atMs, exitCode: undefined },
    ...{
      signal: undefined,
      reported: undefined,
      memory: undefined,
      lastOutput: undefined,
      recommendations: [],
    },
    verdict: verdictOf('error'),
    ...more,
  }
}

export function verdictOf(cause: CrashCause): CrashRecord['verdict'] {
  return { reason: 'crashed', cause, confidence: 'high', summary: `It was ${cause}.`, evidence: [] }
}
