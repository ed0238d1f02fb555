import type { DockerClient, EngineAction } from './client.ts'
import type { ContainerLimits, ContainerNow, EngineActions } from './container.ts'
import { DockerFailure } from './failure.ts'
import { ownLabels, readNow } from './inspect.ts'

export interface Connection {
  readonly client: DockerClient
  readonly engine: 'local' | 'remote'
}

export interface ActionsOptions {
  /** Called for the first action, and again after `close`. @throws DockerFailure */
  readonly connect: () => Promise<Connection>
}

const DIGEST = /^sha256:[0-9a-f]{64}$/
const REMEMBERED_IMAGES = 512
const NANO_CPUS_PER_CORE = 1e9

/** The acting side of an engine. Opens nothing until something is to be done. */
export function createActions(options: ActionsOptions): EngineActions & { close(): void } {
  /** An image id is a digest of its configuration: what it says about labels never changes. */
  const images = new Map<string, Readonly<Record<string, string>>>()
  let connection: Promise<Connection> | undefined

  function connected(): Promise<Connection> {
    if (connection === undefined) {
      const next = options.connect()
      connection = next
      // A socket that was not there may be there for the next action.
      next.catch(() => {
        if (connection === next) connection = undefined
      })
    }
    return connection
  }

  async function imageLabels(client: DockerClient, imageId: string, withinMs: number) {
    const known = images.get(imageId)
    if (known !== undefined) return known
    try {
      const labels = await client.imageLabels(imageId, withinMs)
      if (images.size >= REMEMBERED_IMAGES) images.clear()
      if (DIGEST.test(imageId)) images.set(imageId, labels)
      return labels
    } catch (error) {
      // The image was removed from under its container: nobody can say any more whose the labels are.
      if ((error as DockerFailure).kind === 'not_found') return undefined
      throw error
    }
  }

  const post = async (id: string, action: EngineAction, withinMs: number) =>
    (await connected()).client.post(id, action, withinMs)

  return {
    async inspectNow(id, withinMs): Promise<ContainerNow> {
      const { client, engine } = await connected()
      const found = readNow(await client.inspect(id, withinMs), engine)
      // A name or a short id would be answered too, by whoever has it now.
      if (found === undefined || found.id !== id) {
        throw new DockerFailure('failed', 'the engine answered an inspect with something else')
      }
      const { imageId, ...container } = found
      const image = await imageLabels(client, imageId, withinMs)
      return {
        ...container,
        ownLabels: image === undefined ? undefined : ownLabels(container.allLabels, image),
      }
    },

    pause: (id, withinMs) => post(id, { verb: 'pause' }, withinMs),
    unpause: (id, withinMs) => post(id, { verb: 'unpause' }, withinMs),
    stop: (id, t, withinMs) => post(id, { verb: 'stop', query: { t } }, withinMs),
    kill: (id, signal, withinMs) => post(id, { verb: 'kill', query: { signal } }, withinMs),
    update: (id, limits, withinMs) => post(id, { verb: 'update', body: bodyOf(limits) }, withinMs),

    close() {
      connection?.then(
        ({ client }) => client.close(),
        () => undefined,
      )
      connection = undefined
    },
  }
}

function bodyOf({ memoryBytes, memorySwapBytes, cpus, cpuPeriodUs }: ContainerLimits) {
  const body: Record<string, number> = {}
  if (memoryBytes !== undefined) body['Memory'] = memoryBytes
  if (memorySwapBytes !== undefined) body['MemorySwap'] = memorySwapBytes
  if (cpus !== undefined && cpuPeriodUs !== undefined) {
    body['CpuQuota'] = Math.round(cpus * cpuPeriodUs)
    body['CpuPeriod'] = cpuPeriodUs
  } else if (cpus !== undefined) {
    body['NanoCpus'] = Math.round(cpus * NANO_CPUS_PER_CORE)
  }
  return body
}
