import type { Agent } from '../agents/model.ts'
import type { Family } from '../platform/exposition/family.ts'
import { bindSeries, type Series, type SnapshotBuilder } from '../platform/exposition/snapshot.ts'
import type { Collector } from '../platform/feature.ts'
import type { EpochHistograms } from './epoch-histograms.ts'
import {
  apiCalls,
  deliverablesRecorded,
  fileOperations,
  filesAccessed,
  lastDeliverable,
  llmCost,
  llmFailures,
  llmRequests,
  llmTokens,
  subtasksSpawned,
  tokensConsumed,
} from './families.ts'
import type { Ledger } from './ledger.ts'
import { DELIVERABLE_TYPES } from './model.ts'

export interface UsageCollectorOptions {
  /** Oldest first. */
  readonly agents: () => Iterable<Agent>
  readonly ledger: (agent: Agent) => Ledger | undefined
  readonly histograms: EpochHistograms
}

/** The collector `usage`: counters of the present incarnations, distributions over epochs. */
export function createUsageCollector({ agents, ledger, histograms }: UsageCollectorOptions): Collector {
  const bound = new WeakMap<Agent, Map<string, Series>>()

  /** Labels are escaped once in the life of an agent. */
  function writerFor(out: SnapshotBuilder, agent: Agent): Put {
    const series = bound.get(agent) ?? new Map<string, Series>()
    bound.set(agent, series)
    return (family, labels, value) => {
      if (value === undefined) return
      const key = `${family.name}\n${Object.values(labels).join('\n')}`
      let one = series.get(key)
      if (one === undefined) {
        one = bindSeries(family, { ...labels, agent: agent.id })
        series.set(key, one)
      }
      out.put(one, value)
    }
  }

  return {
    name: 'usage',
    families: [
      ...[fileOperations, subtasksSpawned, deliverablesRecorded, lastDeliverable],
      ...[llmRequests, llmFailures, llmCost, llmTokens],
      ...[filesAccessed, apiCalls, tokensConsumed],
    ],
    *collect(out) {
      histograms.collect(out)
      for (const agent of agents()) {
        const kept = ledger(agent)
        if (kept === undefined) continue
        write(writerFor(out, agent), kept)
        yield
      }
    },
  }
}

/** Without the label `agent`, which is the same for all. */
type Put = (family: Family, labels: Readonly<Record<string, string>>, value: number | undefined) => void

function write(put: Put, { lifetime, sources, lastDeliverableAtMs }: Ledger): void {
  if (sources.files !== undefined) {
    for (const [operation, count] of Object.entries(lifetime.files)) put(fileOperations, { operation }, count)
  }
  if (sources.subtasks !== undefined) put(subtasksSpawned, {}, lifetime.subtasks)
  // Of an agent that tells of itself every kind begins with 0, so that the first of a kind is an increase.
  const tells = Object.keys(sources).length > 0
  for (const kind of DELIVERABLE_TYPES) {
    put(deliverablesRecorded, { kind }, lifetime.deliverables[kind] ?? (tells ? 0 : undefined))
  }
  put(lastDeliverable, {}, lastDeliverableAtMs === undefined ? undefined : lastDeliverableAtMs / 1_000)
  for (const { provider, model, requests, failures, costUsd, tokens } of lifetime.llm) {
    put(llmRequests, { provider, model }, requests)
    put(llmFailures, { provider, model }, failures)
    put(llmCost, { provider, model }, costUsd)
    for (const [type, count] of Object.entries(tokens)) {
      put(llmTokens, { provider, model, token_type: type }, count)
    }
  }
}
