/**
 * When a panel shows data. The tests of live queries make each condition happen and then want to see something;
 * without it the text for "no value" is the right answer.
 */
const EXPECTATIONS = {
  always: 'the exporter was scraped twice',
  agents: 'an agent is watched',
  process: 'an agent runs as processes of the host',
  container: 'an agent runs in a container',
  containerLimits: 'a container has limits of CPU, memory and tasks',
  budgets: 'an agent has a limit',
  usage: 'use of a model was reported for an agent',
  llmFailures: 'a failed call of a model was reported',
  work: 'files, subtasks or deliverables were reported for an agent',
  epochs: 'a budget epoch with reported use has ended',
  exhaustion: 'an agent reached a warning or a limit',
  paused: 'an agent is paused',
  trouble: 'an agent is paused, beyond a limit or a memory level, in conflict or crashed within the hour',
  watchedLong: 'an agent was watched for a quarter of an hour',
  growing: 'the memory of an agent grows',
  memoryLevel: 'an agent is above a memory threshold',
  ended: 'an agent ended',
  crashed: 'an agent crashed',
  actions: 'something was done to an agent',
  refused: 'a request to act was refused',
  reaction: 'a limit was crossed and answered',
  alerts: 'an alert fires',
  alertmanager: 'Prometheus scrapes an Alertmanager that notifies',
  pressure: 'the kernel of the host accounts for pressure (PSI)',
  sqlite: 'the store is the embedded one',
  httpErrors: 'a request was answered with an error',
} as const
export type Expectation = keyof typeof EXPECTATIONS
