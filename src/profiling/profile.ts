import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'
import { type RunningChild, startChild } from '../launch/child.ts'
import { type Ended, LAUNCH_EXIT } from '../launch/outcome.ts'
import { findProgram } from '../launch/program.ts'
import { forwardSignals } from '../launch/signals.ts'
import { makeFolder } from '../platform/make-folder.ts'
import { type HotFunction, hottest } from './cpu-profile.ts'
import { cpuProfiles, filesOf, type ProfileFile } from './files.ts'
import { type TreeWatchOptions, watchTree } from './watch.ts'

export type ProfileKind = 'cpu' | 'heap'

export interface ProfileRequest extends TreeWatchOptions {
  readonly command: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly cwd: string
  readonly kinds: readonly ProfileKind[]
  /** Milliseconds between two heap snapshots; 0 = none. */
  readonly snapshotMs: number
  /** Milliseconds after which what was measured is written, whatever happens then. */
  readonly chunkMs: number
}

export interface ProfileResult {
  readonly ended: Ended
  /** Nothing was started: no summary. */
  readonly summary: ProfileSummary | undefined
}

export interface ProfileSummary {
  readonly seconds: number
  /** Undefined where there is no /proc. */
  readonly peakRssBytes: number | undefined
  readonly cpuSeconds: number | undefined
  readonly hottest: readonly HotFunction[]
  readonly files: readonly ProfileFile[]
}

/** Next to this module, in the sources as in what is published. */
const PRELOAD = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './preload.cts' : './preload.cjs', import.meta.url),
)
const GRACE_MS = 10_000
/** A profile is written within this. */
const DEAF_AFTER_MS = 1_000
const HOTTEST = 10

/** Starts the command, profiles it while it runs and ends when it ends. */
export async function profile(request: ProfileRequest): Promise<ProfileResult> {
  const { command, environment, cwd, outputDir, clock, warn } = request
  const name = command[0]!
  const search = findProgram(name, environment['PATH'], cwd)
  if (!search.found) {
    const isMissing = search.why === 'missing'
    warn(`${name}: ${isMissing ? 'command not found' : 'permission denied'}`)
    return notStarted(isMissing ? LAUNCH_EXIT.notFound : LAUNCH_EXIT.notExecutable)
  }
  makeFolder(outputDir, 0o700)
  const session = isatty(0) ? 'shared' : 'own'
  const began = clock.monotonic()
  const signals = forwardSignals({ clock, session, graceMs: GRACE_MS, source: process })
  const child = await startChild({
    ...{ command, cwd, session, space: undefined, door: undefined, gate: 'open' },
    environment: { ...environment, ...preloadEnvironment(request) },
  })
  signals.begun({
    child,
    killTree() {
      if (session === 'own') child.signalGroup('SIGKILL')
      child.signal('SIGKILL')
    },
  })
  const impatience = endWhoIsDeaf(request, child)
  const watch = watchTree(request, child.pid, began)
  const ended = await child.ended
  const seconds = (clock.monotonic() - began) / 1_000
  impatience.stop()
  const measured = await watch?.finish()
  signals.stop()
  const files = filesOf(request)
  return {
    ended,
    summary: {
      seconds,
      peakRssBytes: measured?.peakRssBytes,
      cpuSeconds: measured?.cpuSeconds,
      hottest: hottest(cpuProfiles(files), HOTTEST),
      files,
    },
  }
}

const notStarted = (code: number): ProfileResult => ({ ended: { code, signal: null }, summary: undefined })

/** What makes every Node process of the tree load our module; what was in NODE_OPTIONS stays. */
export function preloadEnvironment(
  request: Pick<ProfileRequest, 'environment' | 'outputDir' | 'prefix' | 'kinds' | 'chunkMs' | 'snapshotMs'>,
): NodeJS.ProcessEnv {
  const { environment, outputDir, prefix, kinds, chunkMs, snapshotMs } = request
  if (kinds.length === 0 && snapshotMs === 0) return {}
  const given = environment['NODE_OPTIONS']
  // Words are split at spaces unless quoted (node(1), NODE_OPTIONS).
  const option = `--require "${PRELOAD.replace(/["\\]/g, '\\$&')}"`
  return {
    NODE_OPTIONS: given ? `${given} ${option}` : option,
    AGENT_EXPORTER_PROFILE_DIR: outputDir,
    AGENT_EXPORTER_PROFILE_PREFIX: prefix,
    AGENT_EXPORTER_PROFILE_KINDS: kinds.join(','),
    AGENT_EXPORTER_PROFILE_CHUNK_MS: String(chunkMs),
    AGENT_EXPORTER_PROFILE_SNAPSHOT_MS: String(snapshotMs),
  }
}

/**
 * To write its profile a Node process listens to the signal that would have ended it, and hears nothing while it runs
 * in circles. Whoever interrupts a second time, and not one profile was written since the first, means it.
 */
function endWhoIsDeaf(request: ProfileRequest, child: Pick<RunningChild, 'signal'>): { stop(): void } {
  let first: number | undefined
  const onInterrupt = (): void => {
    const now = Date.now()
    if (first === undefined) first = now
    else if (
      now - first > DEAF_AFTER_MS &&
      !filesOf(request).some((file) => file.path.endsWith('profile') && file.writtenAtMs >= first!)
    )
      child.signal('SIGKILL')
  }
  if (request.kinds.length > 0) process.on('SIGINT', onInterrupt)
  return { stop: () => void process.off('SIGINT', onInterrupt) }
}
