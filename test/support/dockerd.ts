import { execFileSync } from 'node:child_process'
import { copyFileSync, createReadStream, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import Docker from 'dockerode'
import { describe, it } from 'vitest'
import { type Child, eventually, startChild } from './child.ts'
import { temporaryFolder } from './folder.ts'
import { describeWith, requireService } from './services.ts'

/** A Docker engine of the test's own: its data, its socket, no network, nothing shared with one that may run here. */
export interface Dockerd extends AsyncDisposable {
  readonly socketPath: string
  readonly docker: Docker
  readonly child: Child
  /** Imports busybox as an image of this name with these labels and variables. */
  importImage(
    name: string,
    labels?: Readonly<Record<string, string>>,
    env?: Readonly<Record<string, string>>,
  ): Promise<void>
  runContainer(options?: RunOptions): Promise<RunningContainer>
  /** SIGTERM and a new start on the same data; containers are stopped by it. */
  restart(): Promise<void>
  /** Ends the engine and leaves its data. */
  halt(): Promise<void>
  start(): Promise<void>
}

export interface RunOptions {
  readonly image?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly memory?: number
  readonly cpus?: number
  readonly pidsLimit?: number
  /** `none` by default: a network namespace of its own with nothing in it. */
  readonly network?: 'none' | 'host'
  /** Restarted by the engine whenever it ends, at most this often. */
  readonly restarts?: number
  readonly env?: Readonly<Record<string, string>>
  /** Shell script of the main process; sleeping by default. */
  readonly script?: string
}

export interface RunningContainer {
  readonly id: string
  readonly pid: number
  readonly container: Docker.Container
}

const IMAGE = 'agent-exporter-test'

/** A `describe` for suites that start an engine: that needs the programs, and root. */
export function describeWithDockerd(name: string, body: () => void): void {
  if (process.getuid?.() === 0) {
    describeWith(['dockerd', 'busybox'], name, body)
    return
  }
  const reason = 'needs root to start dockerd'
  if (process.env['CI'] !== 'true') describe.skip(`${name} (${reason})`, body)
  else
    describe(name, () =>
      it(reason, () => {
        throw new Error(reason)
      }),
    )
}

/** Starts an engine in a folder of its own and imports an image made of busybox alone. */
export async function startDockerd(): Promise<Dockerd> {
  const folder = temporaryFolder('agent-exporter-dockerd-')
  const socketPath = join(folder.path, 'docker.sock')
  const docker = new Docker({ socketPath })
  let child: Child | undefined

  async function start(): Promise<void> {
    const started = await startChild(requireService('dockerd'), [
      `--data-root=${join(folder.path, 'data')}`,
      `--exec-root=${join(folder.path, 'exec')}`,
      `--pidfile=${join(folder.path, 'dockerd.pid')}`,
      `--host=unix://${socketPath}`,
      '--bridge=none',
      '--iptables=false',
      '--ip-forward=false',
      '--ip-masq=false',
    ])
    child = started
    await eventually('dockerd answers', async () => {
      if (started.ended) throw new Error(started.output())
      return (await docker.ping()) && true
    })
  }

  async function halt(): Promise<void> {
    await child?.stop('SIGTERM', 30_000)
    child = undefined
  }

  async function importImage(
    name: string,
    labels: Readonly<Record<string, string>> = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const root = join(folder.path, 'image')
    const archive = join(folder.path, 'image.tar')
    mkdirSync(join(root, 'bin'), { recursive: true })
    copyFileSync(requireService('busybox'), join(root, 'bin/busybox'))
    try {
      symlinkSync('busybox', join(root, 'bin/sh'))
    } catch {
      // An image before this one has made it.
    }
    execFileSync('tar', ['-C', root, '-cf', archive, '.'])
    const changes = [
      ...Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`),
      ...Object.entries(env).map(([key, value]) => `ENV ${key}=${value}`),
    ]
    const stream = await docker.importImage(createReadStream(archive) as never, {
      repo: name,
      tag: 'latest',
      changes,
    })
    await new Promise<void>((resolve, reject) => {
      stream.on('error', reject).on('end', resolve).resume()
    })
  }

  async function dispose(): Promise<void> {
    if (child !== undefined) {
      const all = await docker.listContainers({ all: true }).catch(() => [])
      await Promise.all(
        all.map(({ Id }) =>
          docker
            .getContainer(Id)
            .remove({ force: true })
            .catch(() => undefined),
        ),
      )
    }
    await halt()
    unmountBelow(folder.path)
    folder[Symbol.dispose]()
  }

  try {
    await start()
    await importImage(IMAGE)
  } catch (error) {
    await dispose()
    throw error
  }

  return {
    socketPath,
    docker,
    get child() {
      if (child === undefined) throw new Error('the engine is halted')
      return child
    },
    importImage,
    start,
    halt,
    async restart() {
      await halt()
      await start()
    },
    async runContainer(options = {}) {
      const container = await docker.createContainer({
        Image: options.image ?? IMAGE,
        Cmd:
          options.script === undefined
            ? ['/bin/busybox', 'sleep', '3600']
            : ['/bin/sh', '-c', options.script],
        Env: ['PATH=/bin', ...Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`)],
        Labels: { ...options.labels },
        // The main process ignores SIGTERM as pid 1: a second is enough for a clean end.
        StopTimeout: 1,
        HostConfig: {
          NetworkMode: options.network ?? 'none',
          ...(options.restarts === undefined
            ? {}
            : { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: options.restarts } }),
          ...(options.memory === undefined ? {} : { Memory: options.memory }),
          ...(options.cpus === undefined ? {} : { NanoCpus: options.cpus * 1e9 }),
          ...(options.pidsLimit === undefined ? {} : { PidsLimit: options.pidsLimit }),
        },
      })
      await container.start()
      return { id: container.id, pid: (await container.inspect()).State.Pid, container }
    },
    [Symbol.asyncDispose]: dispose,
  }
}

/** The engine leaves the mount of a namespace behind that a container shared with the host. */
function unmountBelow(folder: string): void {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const mount = line.split(' ')[4]
    if (mount?.startsWith(`${folder}/`)) execFileSync('umount', [mount])
  }
}
