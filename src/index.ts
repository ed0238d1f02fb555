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
export type { Log, LogFields } from './platform/log.ts'
export { Problem, type ProblemCode, type ProblemField } from './platform/problem.ts'
