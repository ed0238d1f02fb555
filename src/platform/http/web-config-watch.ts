import { stat } from 'node:fs/promises'
import type { Clock, Timer } from '../clock.ts'
import { readWebConfig, type WebConfig } from './web-config.ts'

/** The web config in force, read anew when the file or a certificate changes. */
export interface WebConfigSource {
  current(): WebConfig
  /** Looks at the files now; a changed and valid config comes into force. */
  refresh(): Promise<void>
  /** Called with every new config. */
  onChange(listener: (config: WebConfig) => void): void
  close(): void
}

/** A renewed certificate or a changed password is in use within this time. */
const LOOK_INTERVAL_MS = 1_000

interface WatchDependencies {
  readonly clock: Clock
  /** A changed file is not valid: the old config stays in force. */
  readonly onError: (error: Error) => void
}

/** Size, time and inode: a file written by rename changes its inode, one written in place its times. */
async function fingerprint(files: readonly string[]): Promise<string> {
  const parts = files.map(async (file) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined)
    return found === undefined ? '-' : `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`
  })
  return (await Promise.all(parts)).join(' ')
}

/**
 * Reads the file and keeps looking at it.
 * @throws WebConfigError when the file is not valid at the start.
 */
export async function watchWebConfig(
  file: string,
  { clock, onError }: WatchDependencies,
): Promise<WebConfigSource> {
  let config = readWebConfig(file)
  const listeners: ((config: WebConfig) => void)[] = []
  const files = (): string[] => [file, ...(config.tls?.files ?? [])]
  let seen = await fingerprint(files())
  // Read after the fingerprint: a change in between is either in this reading or seen at the next look.
  config = readWebConfig(file)
  let timer: Timer | undefined
  let closed = false

  async function refresh(): Promise<void> {
    const now = await fingerprint(files())
    if (now === seen || closed) return
    seen = now
    try {
      config = readWebConfig(file)
      for (const listener of listeners) listener(config)
    } catch (error) {
      onError(error as Error)
    }
  }

  function schedule(): void {
    if (closed) return
    timer = clock.setTimer(LOOK_INTERVAL_MS, () => void refresh().finally(schedule))
  }
  schedule()

  return {
    current: () => config,
    refresh,
    onChange: (listener) => void listeners.push(listener),
    close() {
      closed = true
      timer?.cancel()
    },
  }
}

/** For a server without a web config file: plain HTTP, no users. */
export const noWebConfig: WebConfigSource = {
  current: () => ({ tls: undefined, headers: new Map(), users: new Map() }),
  refresh: () => Promise.resolve(),
  onChange: () => {},
  close: () => {},
}
