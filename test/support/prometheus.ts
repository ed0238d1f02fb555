import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Child, eventually, freePort, startChild } from './child.ts'
import { temporaryFolder } from './folder.ts'
import { requireService } from './services.ts'

/** One scrape job of the test: who is scraped under which job name. */
export interface ScrapeJob {
  readonly job: string
  /** host:port */
  readonly target: string
  /** Further keys of the scrape configuration, as Prometheus spells them. */
  readonly extra?: Readonly<Record<string, unknown>>
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Target {
  readonly job: string
  readonly health: 'up' | 'down' | 'unknown'
  readonly lastError: string
  readonly lastScrape: string
}

/** A real Prometheus on a free loopback port with a database of its own. */
export interface Prometheus extends AsyncDisposable {
  readonly url: string
  readonly child: Child
  /** Instant query, now. Throws on a query that Prometheus refuses. */
  query(expression: string): Promise<readonly Sample[]>
  targets(): Promise<readonly Target[]>
  /**
   * Its log lines of level warn or error, and why scrapes failed. That a busy machine could not answer one within its
   * second is not among them: it says nothing about what is exposed.
   */
  complaints(): readonly string[]
  stop(): Promise<void>
}

interface QueryAnswer {
  readonly status: string
  readonly error?: string
  readonly data: {
    readonly result: readonly {
      readonly metric: Record<string, string>
      readonly value: readonly [number, string]
    }[]
  }
}

interface TargetsAnswer {
  readonly data: {
    readonly activeTargets: readonly {
      readonly labels: Record<string, string>
      readonly health: Target['health']
      readonly lastError: string
      readonly lastScrape: string
    }[]
  }
}

export interface PrometheusOptions {
  /** Folder of its database; one of its own when left out. */
  readonly data?: string
  readonly args?: readonly string[]
}

/** Starts Prometheus scraping `jobs` every second and waits until it is ready. */
export async function startPrometheus(
  jobs: readonly ScrapeJob[],
  more: Readonly<Record<string, unknown>> = {},
  options: PrometheusOptions = {},
): Promise<Prometheus> {
  const folder = temporaryFolder()
  const config = join(folder.path, 'prometheus.yml')
  writeFileSync(
    config,
    stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      scrape_configs: jobs.map(({ job, target, extra }) => ({
        job_name: job,
        static_configs: [{ targets: [target] }],
        ...extra,
      })),
      ...more,
    }),
  )
  const url = `http://127.0.0.1:${await freePort()}`
  const child = await startChild(requireService('prometheus'), [
    `--config.file=${config}`,
    `--storage.tsdb.path=${options.data ?? join(folder.path, 'data')}`,
    `--web.listen-address=${url.slice('http://'.length)}`,
    // At this level Prometheus also says what it dropped from a scrape and why.
    '--log.level=debug',
    ...(options.args ?? []),
  ])
  const stop = async () => {
    await child.stop()
    folder[Symbol.dispose]()
  }
  const answer = async (path: string) => (await fetch(`${url}${path}`)).json()
  try {
    await eventually('Prometheus is ready', async () => {
      if (child.ended) throw new Error(child.output())
      return (await fetch(`${url}/-/ready`)).ok || undefined
    })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url,
    child,
    stop,
    [Symbol.asyncDispose]: stop,
    async query(expression) {
      const body = (await answer(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as QueryAnswer
      if (body.status !== 'success') throw new Error(`${expression}: ${body.error}`)
      return body.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
    },
    async targets() {
      const body = (await answer('/api/v1/targets?state=active')) as TargetsAnswer
      return body.data.activeTargets.map(({ labels, health, lastError, lastScrape }) => ({
        job: labels['job'] ?? '',
        health,
        lastError,
        lastScrape,
      }))
    },
    complaints: () =>
      child
        .output()
        .split('\n')
        .filter((line) => /level=(warn|error)/.test(line) || /component="scrape manager".*err=/.test(line))
        .filter((line) => !line.includes('deadline exceeded')),
  }
}
