export type { Agent } from './agents/model.ts'
export type { App, Summary } from './app.ts'
export { createClient } from './client/client.ts'
export {
  type ActionAnswer,
  type ActionOptions,
  type Client,
  type ClientOptions,
  type ClientStats,
  DaemonError,
  type Drop,
  type GateAnswer,
  type RegisterOptions,
  type ResumeOptions,
  type TokenUsage,
  type UsageReport,
  type WaitOptions,
  type WaitOutcome,
} from './client/model.ts'
export { ConfigError, type ConfigIssue } from './config/issue.ts'
export { createExporter, type ExporterOptions } from './exporter.ts'
export type {
  ActingClient,
  ActionOrder,
  ActionResult,
  AgentChoice,
  AgentMetrics,
  DeliverableCheckpoint,
  OnAction,
  Persistence,
  ResourceEvent,
  ResourceExhaustionConfig,
  ResourceExhaustionOptions,
  ResourceMetrics,
  ServiceEvents,
  ThresholdConfig,
} from './library/model.ts'
export type { StoredRecord } from './library/persistence.ts'
export { ResourceExhaustionService } from './library/service.ts'
export type { Clock, Timer } from './platform/clock.ts'
export { counter, type Family, gauge, histogram } from './platform/exposition/family.ts'
export {
  bindSeries,
  type HistogramValue,
  type Series,
  type SnapshotBuilder,
} from './platform/exposition/snapshot.ts'
export type { Collector, Feature, HealthCheck } from './platform/feature.ts'
export type { Log, LogFields } from './platform/log.ts'
export { Problem, type ProblemCode, type ProblemField } from './platform/problem.ts'
export type { Addition, AdditionParts } from './settings.ts'
