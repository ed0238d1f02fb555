import { type Enlisting, type EnlistState, enlist } from './enlist.ts'
import type { LaunchOptions, LaunchRequest } from './request.ts'

/** The registration of one launched command, with what a person is told about it. */
export interface Enrolment {
  /** The daemon has answered once, or nobody did. */
  readonly answered: Promise<void>
  /** The first definite answer of the daemon. */
  readonly decided: Promise<EnlistState>
  /** Why nothing is decided yet. */
  delay(): string | undefined
  /** The daemon said that it does not know the agent. */
  again(): void
  stop(): void
}

/** Registers the process in the background and says, once each, what that means for the command. */
export function enrol(
  request: LaunchRequest,
  { clock, link, url, warn, note }: Pick<LaunchOptions, 'clock' | 'link' | 'url' | 'warn' | 'note'>,
  process: { readonly pid: number; readonly workspace: string },
): Enrolment {
  const { id, mode } = request
  let decide: (state: EnlistState) => void
  const decided = new Promise<EnlistState>((resolve) => {
    decide = resolve
  })
  let answer: () => void
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  let isLate = false
  let delay: string | undefined

  function tell(state: EnlistState): void {
    if (state.is === 'registered' && isLate) {
      isLate = false
      note(`${id} is registered now.`)
    }
    if (state.is !== 'refused' || mode === 'require') return
    if (mode === 'measure') warn(`${id} is not registered: ${state.detail}`)
    else warn(`${id} is NOT ENFORCED, nothing will stop it: ${state.detail}`)
  }

  const enlistment = enlist({
    clock,
    link,
    body: bodyOf(request, process),
    onDelay(detail) {
      answer()
      delay = detail ?? `no agent-exporter answers at ${url}`
      if (mode === 'require') return
      isLate = true
      const less = mode === 'measure' ? 'is not registered' : 'runs WITHOUT ITS LIMITS'
      warn(`${delay}: ${id} ${less} for now, it is tried again.`)
    },
    onChange(state) {
      tell(state)
      decide(state)
      answer()
    },
  })
  return { answered, decided, delay: () => delay, again: enlistment.again, stop: enlistment.stop }
}

function bodyOf(
  { id, role, profile, budget, mode }: LaunchRequest,
  { pid, workspace }: { readonly pid: number; readonly workspace: string },
): Enlisting {
  return {
    id,
    ...(role === undefined ? {} : { role }),
    workspace,
    runtime: { pid },
    ...(profile === undefined ? {} : { profile }),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    enforce: mode !== 'measure',
  }
}
