import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ActingDaemon, startActingDaemon } from './acting-daemon.ts'
import { type Alertmanager, startAlertmanager } from './alertmanager.ts'
import { eventually, freePort } from './child.ts'
import { temporaryFolder } from './folder.ts'
import { type NotificationProxy, startNotificationProxy } from './notification-proxy.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'
import { shippedConfig } from './shipped-alertmanager.ts'
import { rulesInTimeLapse } from './time-lapse.ts'

/** `deafFor`: the shortest that the configuration of the exporter takes. */
const DEAF_MS = 60_000
/** For a chain of four programs on a busy machine; what is expected takes a third of it. */
const PATIENCE_MS = 120_000
const REPEAT = '10s'
/** Shipped times of rules divided by this. */
const TIME_LAPSE = 15

export interface ClosedLoopOptions {
  /** Entries of `alertmanager.rules`. */
  readonly rules: readonly object[]
  /** Rooms whose shipped alerts Prometheus has. */
  readonly rooms: readonly string[]
  /** Value of the external label `replica` of each Prometheus; one without any by default. */
  readonly replicas?: readonly string[]
  readonly config?: Readonly<Record<string, unknown>>
  readonly env?: NodeJS.ProcessEnv
}

/**
 * The whole loop on loopback: the daemon, real Prometheus with the shipped rules in time-lapse, real Alertmanager with
 * the shipped routes told sooner, and a proxy before the receiver that shows what was told. Parts can be ended and
 * started again on the same data and address.
 */
export interface ClosedLoop extends AsyncDisposable {
  readonly daemon: ActingDaemon
  readonly proxy: NotificationProxy
  readonly prometheus: readonly Prometheus[]
  restartAlertmanager(): Promise<void>
  stopPrometheus(): Promise<void>
  startPrometheus(): Promise<void>
  /** SIGKILL; nobody listens until `startDaemon`. */
  killDaemon(): Promise<void>
  startDaemon(): Promise<void>
  /** Who has just begun is left alone by alerts: waits until these agents are known and old enough. */
  grown(...agents: string[]): Promise<void>
  /** What Alertmanager told of the agent, alert by alert: `AgentCrashed firing`. */
  told(agent: string): readonly string[]
  /** Verified effects of the journal, oldest first: `pause for alert`. */
  effects(agent: string): Promise<readonly string[]>
  /** Waits for one more. */
  happens(agent: string, effect: string): Promise<void>
  /** Waits until Alertmanager has told so. */
  isTold(agent: string, what: string): Promise<void>
  /** Waits; when that is in vain, says what was told and done about the agent. */
  until<T>(agent: string, what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T>
}

export async function startClosedLoop(options: ClosedLoopOptions): Promise<ClosedLoop> {
  const folder = temporaryFolder()
  const token = randomBytes(24).toString('hex')
  const proxy = await startNotificationProxy()
  const rules = join(folder.path, 'rules.yml')
  writeFileSync(rules, rulesInTimeLapse(options.rooms, TIME_LAPSE))

  const alertmanagerAddress = `127.0.0.1:${await freePort()}`
  const daemonAddress = `127.0.0.1:${await freePort()}`
  let daemon: ActingDaemon | undefined
  let alertmanager: Alertmanager | undefined
  let prometheus: Prometheus[] = []
  const dispose = async () => {
    await Promise.all(prometheus.map((one) => one.stop()))
    await alertmanager?.stop()
    await daemon?.[Symbol.asyncDispose]()
    await proxy[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  }

  const told = (agent: string) =>
    proxy
      .about(agent)
      .flatMap(({ body }) => body.alerts.map(({ status, labels }) => `${labels['alertname']} ${status}`))
  async function effects(agent: string): Promise<readonly string[]> {
    const lines = await daemon!.journal(agent)
    return lines
      .filter(({ status, verifiedAt }) => status === 'done' && verifiedAt !== undefined)
      .map(({ action, trigger }) => `${action} for ${trigger}`)
      .toReversed()
  }
  const until: ClosedLoop['until'] = (agent, what, ask) =>
    eventually(what, ask, PATIENCE_MS, 200).catch(async (error: unknown) => {
      const known = {
        told: told(agent),
        journal: await daemon?.journal(agent).catch(String),
        alerts: await daemon?.call('GET', '/api/v1/alerts').catch(String),
      }
      throw new Error(`${String(error)}\n${JSON.stringify(known, undefined, 1)}\n${daemon?.child.output()}`)
    })

  const nobody = 'http://127.0.0.1:9'
  async function beginAlertmanager(): Promise<void> {
    alertmanager = await startAlertmanager(
      shippedConfig({
        exporters: [proxy.url],
        token,
        people: nobody,
        muted: 'never',
        repeatInterval: REPEAT,
      }),
      { address: alertmanagerAddress, data: join(folder.path, 'alertmanager') },
    )
  }

  async function beginPrometheus(): Promise<void> {
    const replicas = options.replicas ?? [undefined]
    prometheus = await Promise.all(
      replicas.map((replica) =>
        startPrometheus(
          [{ job: 'agent-exporter', target: daemonAddress }],
          {
            global: {
              ...{ scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
              ...(replica !== undefined && { external_labels: { replica } }),
            },
            rule_files: [rules],
            alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanagerAddress] }] }] },
          },
          {
            data: join(folder.path, `prometheus-${replica}`),
            // An alert that is not sent again ends after four of these; a machine may well stand still for one.
            args: ['--rules.alert.resend-delay=4s'],
          },
        ),
      ),
    )
  }

  async function beginDaemon(): Promise<void> {
    daemon = await startActingDaemon({
      address: daemonAddress,
      dataDir: join(folder.path, 'data'),
      ...(options.env !== undefined && { env: options.env }),
      config: {
        agents: { discovery: { processes: false } },
        ...options.config,
        control: { cooldown: '1s', maxFleetShare: 1, ...(options.config?.['control'] as object | undefined) },
        auth: {
          tokens: [
            {
              name: 'alertmanager',
              hashSha256: createHash('sha256').update(token).digest('hex'),
              scopes: ['control'],
            },
          ],
        },
        alertmanager: {
          instances: [daemonAddress],
          repeatInterval: REPEAT,
          rules: options.rules.map((rule) => ({ deafFor: '1m', dryRun: false, ...rule })),
        },
      },
    })
    proxy.target = daemon.url
  }

  try {
    await Promise.all([beginAlertmanager(), beginDaemon()])
    await beginPrometheus()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    proxy,
    get daemon() {
      return daemon!
    },
    get prometheus() {
      return prometheus
    },
    async restartAlertmanager() {
      await alertmanager?.stop()
      await beginAlertmanager()
    },
    async stopPrometheus() {
      await Promise.all(prometheus.map((one) => one.stop()))
      prometheus = []
    },
    startPrometheus: beginPrometheus,
    async killDaemon() {
      proxy.target = undefined
      await daemon?.child.stop('SIGKILL')
    },
    startDaemon: beginDaemon,
    async grown(...agents) {
      const ages = agents.map((agent) =>
        until(agent, `${agent} is known`, async () => {
          const { status, body } = await daemon!.call<{ startedAt: string }>('GET', `/api/v1/agents/${agent}`)
          return status === 200 ? Date.now() - Date.parse(body.startedAt) : undefined
        }),
      )
      await delay(Math.max(0, DEAF_MS + 1_000 - Math.min(...(await Promise.all(ages)))))
    },
    told,
    effects,
    async happens(agent, effect) {
      await until(agent, effect, async () => (await effects(agent)).includes(effect) || undefined)
    },
    async isTold(agent, what) {
      await until(agent, what, () => told(agent).includes(what) || undefined)
    },
    until,
    [Symbol.asyncDispose]: dispose,
  }
}
