import { createHash, randomBytes } from 'node:crypto'
import { type ActingDaemon, startActingDaemon } from '../acting-daemon.ts'
import { freePort } from '../child.ts'

/** Durations of the third daemon pass so many times as fast: a trend is believed after some thirteen minutes. */
const HASTE = 80
const MEMORY = {
  thresholds: { warningBytes: '48MiB', criticalBytes: '96MiB', oomImminentBytes: '256MiB' },
}

/** The exporters of the fleet, and the token with which Alertmanager calls all of them. */
export interface LivingDaemons extends AsyncDisposable {
  /** Two that watch agents, some of the same id, and one in whose life hours have gone by. */
  readonly first: ActingDaemon
  readonly second: ActingDaemon
  readonly hasty: ActingDaemon
  readonly all: readonly ActingDaemon[]
  readonly alertmanagerToken: string
}

/** @param dockerHost of the engine whose containers the first one watches */
export async function startLivingDaemons(dockerHost: string): Promise<LivingDaemons> {
  const token = randomBytes(24).toString('hex')
  const hashSha256 = createHash('sha256').update(token).digest('hex')
  const haste = new URL(`./living-haste.js?factor=${HASTE}`, import.meta.url)

  async function start(engine: string, more: { config?: object; nodeArgs?: string[] } = {}) {
    const address = `127.0.0.1:${await freePort()}`
    return startActingDaemon({
      address,
      env: { DOCKER_HOST: engine },
      ...(more.nodeArgs === undefined ? {} : { nodeArgs: more.nodeArgs }),
      config: {
        // Agents of this machine that are no part of the fleet are none of its business.
        agents: { discovery: { processes: false } },
        memory: MEMORY,
        control: { cooldown: '1s', maxFleetShare: 1, grace: '1s' },
        auth: { tokens: [{ name: 'alertmanager', hashSha256, scopes: ['control'] }] },
        alertmanager: {
          instances: [address],
          repeatInterval: '10s',
          rules: [
            { match: { alertname: 'AgentMemoryWarning' }, action: 'pause', deafFor: '1m' },
            { match: { alertname: 'AgentBudgetExceeded' }, action: 'terminate', deafFor: '1m' },
          ],
        },
        ...more.config,
      },
    })
  }

  const started: ActingDaemon[] = []
  const stop = async () => {
    await Promise.all(started.map((daemon) => daemon[Symbol.asyncDispose]()))
  }
  try {
    const all = await Promise.allSettled([
      // Who nobody answers after it was paused for its budget is terminated.
      start(dockerHost, { config: { resourceExhaustion: { autoTerminate: true, terminateAfterMs: 6_000 } } }),
      start('unix:///nowhere'),
      start('unix:///nowhere', {
        nodeArgs: ['--import', haste.href],
        config: {
          control: { mode: 'dry-run' },
          // Still many a second.
          sampling: { interval: '5s' },
          resourceExhaustion: { enabled: false },
        },
      }),
    ])
    for (const one of all) if (one.status === 'fulfilled') started.push(one.value)
    for (const one of all) if (one.status === 'rejected') throw one.reason
  } catch (error) {
    await stop()
    throw error
  }
  const [first, second, hasty] = started as [ActingDaemon, ActingDaemon, ActingDaemon]
  return {
    ...{ first, second, hasty, all: started, alertmanagerToken: token },
    [Symbol.asyncDispose]: stop,
  }
}
