import type { EvidenceLine } from '../crashes/model.ts'
import { type ClientOptions, getOk } from './client.ts'
import { CliError, EXIT } from './exit.ts'

/** One agent as `GET /api/metrics/agents` answers it; null = not known. */
export interface MeasuredAgent {
  readonly name: string
  readonly pid: number | null
  readonly status: string
  readonly rssBytes: number | null
  readonly heapUsedBytes: number | null
  readonly cpuPercent: number | null
  readonly trend: string | null
  /** Bytes. */
  readonly trendRatePerMinute: number | null
  readonly alertLevel: string | null
  readonly limitBytes: number | null
  readonly timeToLimitSeconds: { readonly low: number; readonly mid: number } | null
  readonly uptimeMs: number | null
  readonly host: string | null
}

export interface FleetMetrics {
  readonly agents: readonly MeasuredAgent[]
  readonly system: {
    readonly totalMemory: number | null
    readonly availableMemory: number | null
    readonly totalAgents: number
    readonly agentsByAlertLevel?: Readonly<Record<string, number>>
  }
}

export interface ListedCrash {
  readonly id: string
  readonly agentName: string
  readonly cause: string
  readonly confidence: string
  readonly summary: string
  readonly exitCode: number | null
  readonly signal: string | null
  readonly occurrences?: number
  readonly crashedAt: string
}

export interface FullCrash extends ListedCrash {
  readonly pid: number | null
  readonly evidence: readonly EvidenceLine[]
  readonly recommendations: readonly string[]
  readonly peakMemory: number | null
  readonly lastKnownMemory: number | null
  readonly memoryLimit: number | null
  readonly memoryTrend: string | null
  readonly runtime: string | null
  readonly role: string | null
  readonly lastOutput: string | null
  readonly relatedCrashes?: readonly string[]
}

export interface ListedAlert {
  readonly id: string
  readonly agentName: string
  readonly alertType: string
  readonly currentRss: number | null
  readonly threshold: number | null
  readonly message: string
  readonly recommendation?: string | null
  readonly acknowledged: boolean
  readonly createdAt: string
}

export interface HealthReport {
  readonly healthScore: number
  readonly summary: string
  readonly issues: readonly { readonly severity: string; readonly message: string }[]
  readonly recommendations: readonly string[]
  readonly crashes: readonly ListedCrash[]
  readonly alerts: readonly ListedAlert[]
  readonly stats: {
    readonly totalCrashes24h: number
    readonly totalAlerts24h: number
    readonly agentCount: number
  }
}

/**
 * One GET whose answer has a list under this name.
 * @throws CliError also when something else answers there
 */
export async function getList<Answer>(
  path: string,
  list: keyof Answer & string,
  options: ClientOptions,
): Promise<Answer> {
  const answer = (await getOk(path, options)) as Record<string, unknown> | null
  if (!Array.isArray(answer?.[list]))
    throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
  return answer as Answer
}
