import { countedFiles, countedTokens } from './epoch-histograms.ts'
import type { Ledger } from './ledger.ts'
import type { TokenType } from './model.ts'

/** The flat metrics record of an agent: what its present epoch has used. Times are ISO 8601. */
export function describeLedger(
  { agent, incarnation, epoch, startedAtMs, lastDeliverableAtMs, lastActivityAtMs, totals }: Ledger,
  tokenTypes: readonly TokenType[],
): Readonly<Record<string, string | number | null>> {
  const { filesRead, filesWritten, filesModified, apiCalls, subtasks, costUsd } = totals
  return {
    agentId: agent,
    incarnation,
    epoch,
    filesRead,
    filesWritten,
    filesModified,
    filesAccessed: countedFiles(totals),
    apiCallsCount: apiCalls,
    subtasksSpawned: subtasks,
    tokensConsumed: countedTokens(totals, tokenTypes),
    costUsd,
    startedAt: iso(startedAtMs),
    lastDeliverableAt: lastDeliverableAtMs === undefined ? null : iso(lastDeliverableAtMs),
    lastActivityAt: iso(lastActivityAtMs),
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()
