import { isatty } from 'node:tty'
import type { Clock, Timer } from '../platform/clock.ts'
import { makeRunCage } from './cage.ts'
import { type RunningChild, startChild } from './child.ts'
import type { Cleanup } from './cleanup.ts'
import { type Enrolment, enrol } from './enrol.ts'
import { childEnvironment, incarnationSpace } from './environment.ts'
import { followStderr } from './last-output.ts'
import { type Ended, LAUNCH_EXIT } from './outcome.ts'
import { readOwnEntry } from './processes.ts'
import { findProgram } from './program.ts'
import type { LaunchOptions, LaunchRequest } from './request.ts'
import { forwardSignals } from './signals.ts'
import { tellEnd } from './tell-end.ts'
import { type TreeWatch, watchTree } from './watch.ts'

/** How long `require` waits for the daemon to take the registration. */
const REQUIRE_WITHIN_MS = 10_000
/** The last words to the daemon; a person waits for the prompt meanwhile. */
const FLUSH_WITHIN_MS = 2_000
/** What outlives the command gets this long after its SIGTERM. */
const LEFTOVER_GRACE_MS = 3_000

/** Starts the command, stays with it and ends as it ended. Failures of our own are an `Ended` with 125 to 127. */
export async function launch(request: LaunchRequest, options: LaunchOptions): Promise<Ended> {
  const { command, id, role, mode } = request
  const { clock, url, cwd, environment, warn, note } = options
  const name = command[0]!
  const search = findProgram(name, environment['PATH'], cwd)
  if (!search.found) {
    const isMissing = search.why === 'missing'
    warn(`${name}: ${isMissing ? 'command not found' : 'permission denied'}`)
    return ended(isMissing ? LAUNCH_EXIT.notFound : LAUNCH_EXIT.notExecutable)
  }
  if (options.token === undefined) {
    const less = mode === 'measure' ? 'gets no token of its own' : 'gets neither a token nor its limits'
    warn(`no control token can be read in ${options.dataDir}: ${id} ${less}.`)
  }
  if (mode === 'measure') {
    note(`measures ${id} only: without --budget, --profile or --enforce nothing is ever stopped.`)
  }
  const space = incarnationSpace()
  const session = isatty(0) ? 'shared' : 'own'
  const cage = makeRunCage()
  const output = followStderr()
  // Before the child is there: who ended us in between would leave it behind.
  const signals = forwardSignals({ clock, session, graceMs: request.graceMs, source: process })
  let child: RunningChild
  try {
    child = await startChild({
      door: cage?.door,
      command,
      environment: childEnvironment({
        inherited: environment,
        id,
        role,
        workspace: cwd,
        url,
        token: options.token,
      }),
      cwd,
      space,
      session,
      gate: mode === 'require' ? 'closed' : 'open',
    })
  } catch (error) {
    signals.stop()
    cage?.remove()
    warn(`${name} cannot be started: ${(error as Error).message}`)
    return ended(LAUNCH_EXIT.failed)
  }

  const { pid } = child
  const root = readOwnEntry(pid)
  const watch = root && watchTree({ ...options, id, root, space, onUnknown: () => enrolment.again() })
  let isHurried = false
  signals.begun({
    child,
    killTree() {
      void watch?.cleanUp({ session: sessionOf(session, pid), graceMs: 0, isHurried: () => true, cage })
      if (session === 'own') child.signalGroup('SIGKILL')
      child.signal('SIGKILL')
    },
  })
  const enrolment = enrol(request, options, { pid, workspace: cwd })

  if (mode === 'require') {
    const refusal = await refusalOf(enrolment, clock, url)
    if (refusal !== undefined) {
      child.signal('SIGKILL')
      await child.ended
      enrolment.stop()
      signals.stop()
      cage?.remove()
      warn(`${name} was not started: ${refusal}`)
      return ended(LAUNCH_EXIT.failed)
    }
    child.begin()
  }
  watch?.start()

  const how = await child.ended
  const told = tellEnd(how, {
    ...{ id, role, url, output, link: options.link, answered: enrolment.answered },
    incarnation: space && root && `${space}:${pid}:${root.startTime}`,
  })
  signals.childEnded(() => {
    isHurried = true
  })
  if (request.leftovers === 'end') {
    const graceMs = LEFTOVER_GRACE_MS
    tellCleanup(
      await watch?.cleanUp({ session: sessionOf(session, pid), graceMs, isHurried: () => isHurried, cage }),
      options,
    )
  }
  cage?.remove()
  await finish(watch, options)
  await told
  enrolment.stop()
  signals.stop()
  return how
}

const ended = (code: number): Ended => ({ code, signal: null })

const sessionOf = (session: 'shared' | 'own', pid: number): number | undefined =>
  session === 'own' ? pid : undefined

/** Why a command that must not run without its limits may not begin. */
async function refusalOf(enrolment: Enrolment, clock: Clock, url: string): Promise<string | undefined> {
  let timer: Timer | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = clock.setTimer(REQUIRE_WITHIN_MS, () => resolve(undefined))
  })
  const state = await Promise.race([enrolment.decided, late])
  timer?.cancel()
  if (state?.is === 'registered') return undefined
  return state?.is === 'refused' ? state.detail : (enrolment.delay() ?? `${url} does not answer in time`)
}

function tellCleanup(cleanup: Cleanup | undefined, { note, warn }: LaunchOptions): void {
  if (cleanup === undefined || cleanup.found === 0) return
  const { found, left } = cleanup
  if (found > left) note(`ended ${processes(found - left)} that outlived the command.`)
  if (left > 0) warn(`${processes(left)} of the command could not be ended.`)
}

const processes = (count: number): string => (count === 1 ? '1 process' : `${count} processes`)

async function finish(watch: TreeWatch | undefined, { warn }: LaunchOptions): Promise<void> {
  const lost = (await watch?.finish(FLUSH_WITHIN_MS)) ?? 0
  if (lost > 0) warn(`${lost} subtasks could not be told to the daemon.`)
}
