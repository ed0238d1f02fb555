import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { buildIfNeeded } from './build.ts'
import { planDemo } from './demo.ts'
import { findCredentials } from './exporter.ts'
import { lockFolder } from './lock.ts'
import type { PartName, StackOptions } from './options.ts'
import { lastLines, type Part, type PartPlan, startPart, waitUntilReady } from './part.ts'
import { endLeftovers } from './pid-files.ts'
import { type Programs, planStack } from './plan.ts'
import { HOST, isExporter, takenText, whyTaken } from './ports.ts'
import { findAlertmanager, findGrafana, findPrometheus, MISSING } from './programs.ts'
import { reportOf } from './report.ts'
import { makeSecrets, type Secrets } from './secrets.ts'

/** Why the stack cannot be started here: everything that is in the way, one a line. */
export class StackError extends Error {
  override readonly name = 'StackError'
}

export interface Run {
  readonly options: StackOptions
  readonly signal: AbortSignal
  say(text: string): void
  /** The parts as they are started, for whoever cannot wait for their end. */
  readonly parts: Part[]
}

/**
 * Starts everything, says where it is, and goes on until the signal or the end of a part; then stops all of it, the last
 * one first.
 * @throws StackError when it cannot be started, Error when a part ends by itself.
 */
export async function runStack(run: Run): Promise<void> {
  const { options, parts, say } = run
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  using lock = lockFolder(options.folder)
  if (lock === undefined) {
    throw new StackError(
      `A stack runs already with ${options.folder}. Another needs --data, and ports of its own.`,
    )
  }
  const left = await endLeftovers(join(options.folder, 'run'))
  if (left.length > 0) say(`stopped what an earlier start had left running: ${left.join(', ')}`)
  const { programs, exporter } = await preflight(options)
  const secrets = makeSecrets(join(options.folder, 'secrets'))
  if (exporter === 'start') buildIfNeeded()
  try {
    await startAll(run, programs, exporter, secrets)
    const died = await firstEnd(parts, run.signal)
    if (died !== undefined) throw new Error(`${died.name} ${died.ended}`)
  } catch (error) {
    if (run.signal.aborted) return
    const died = parts.find(({ ended }) => ended !== undefined)
    if (died !== undefined) say(lastLines(died))
    throw error
  } finally {
    for (const part of parts.toReversed()) {
      say(`stopping ${part.name}`)
      await part.stop()
    }
  }
}

async function startAll(
  { options, signal, parts, say }: Run,
  programs: Programs,
  exporter: 'start' | 'running',
  secrets: Secrets,
): Promise<void> {
  const { folder, ports } = options
  const at = (part: PartName): string => `${HOST}:${ports[part]}`
  const addresses = {
    exporter: at('exporter'),
    prometheus: at('prometheus'),
    alertmanager: at('alertmanager'),
    grafana: at('grafana'),
  }
  const ours = secrets.alertmanagerToken
  const credentials =
    exporter === 'running'
      ? await findCredentials(ports.exporter, ours)
      : ({ file: ours, state: 'taken' } as const)
  // An exporter that runs already does not know the token of the simulated fleet.
  const demo =
    options.demo === 'agents' && exporter === 'start' ? planDemo(addresses.exporter, secrets.ingestToken) : []
  const { parts: plans, silent } = planStack({
    options,
    addresses,
    programs,
    secrets,
    credentials: credentials.file,
    exporter,
  })
  for (const plan of [...plans, ...demo]) {
    signal.throwIfAborted()
    await start(plan, folder, parts, signal)
  }
  const needed = stringify({ auth: { tokens: secrets.tokens } })
  say(reportOf({ options, addresses, programs, exporter, credentials, needed, silent }))
}

async function start(plan: PartPlan, folder: string, parts: Part[], signal: AbortSignal): Promise<void> {
  const part = startPart(plan, folder)
  parts.push(part)
  if (plan.ready !== undefined) await waitUntilReady(part, plan.ready, signal)
}

/** The first part that ends by itself; undefined when the signal came before. */
async function firstEnd(parts: readonly Part[], signal: AbortSignal): Promise<Part | undefined> {
  const asked = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  return Promise.race([asked, ...parts.map((part) => part.end.then(() => part))])
}

/** Everything that is wrong at once: who has to install something wants to hear of the taken port, too. */
async function preflight({ ports }: StackOptions) {
  const path = process.env['PATH']
  const problems: string[] = []
  const prometheus = findPrometheus(path)
  const alertmanager = findAlertmanager(path)
  const grafana = findGrafana(path)
  if (prometheus === undefined) problems.push(MISSING.prometheus)
  if (alertmanager === undefined) problems.push(MISSING.alertmanager)
  let exporter: 'start' | 'running' = 'start'
  for (const part of ['exporter', 'prometheus', 'alertmanager', 'grafana'] as const) {
    if (part === 'grafana' && grafana === undefined) continue
    const why = await whyTaken(ports[part])
    if (why === undefined) continue
    if (part === 'exporter' && (await isExporter(ports.exporter))) exporter = 'running'
    else problems.push(takenText(part, ports[part], why))
  }
  if (prometheus === undefined || alertmanager === undefined || problems.length > 0) {
    throw new StackError(problems.join('\n'))
  }
  return { programs: { prometheus, alertmanager, grafana }, exporter }
}
