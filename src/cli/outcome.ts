import type { Action, ActionStatus, RefusalReason } from '../control/model.ts'
import { cleanText } from '../platform/text.ts'
import { EXIT, type ExitCode } from './exit.ts'

/** An entry of the journal as the API shows it. */
export interface ShownEntry {
  readonly id: string
  readonly at: string
  readonly agent: string
  readonly action: Action
  readonly trigger: string
  readonly actor: string
  readonly reason: string
  readonly status: ActionStatus
  readonly refusal?: RefusalReason
  readonly detail?: string
  readonly rung?: string
  readonly durationMs?: number
  readonly count: number
}

export interface Outcome {
  readonly text: string
  /** `ok` only for what was verified, or for a dry run that was asked for. */
  readonly exitCode: ExitCode
}

const DONE: Readonly<Record<Action, string>> = {
  pause: 'is paused',
  resume: 'runs again',
  terminate: 'has ended',
  resize: 'has its new size',
}
const ALREADY: Readonly<Record<Action, string>> = {
  pause: 'was paused already',
  resume: 'was running already',
  terminate: 'had ended already',
  resize: 'had that size already',
}

const REFUSED: Readonly<Partial<Record<RefusalReason, string>>> = {
  kill_switch: 'the kill switch is engaged (agent-exporter kill-switch off)',
  control_off: 'control.mode is off',
  second_daemon: 'another daemon of this host acts; ask that one',
  not_enforced: 'it did not opt in; repeat with --enforce',
  cooldown: 'it was acted on a moment ago',
  conflict: 'two live agents have this id',
  unsupported: 'this cannot be done to an agent of its kind',
  missing_data: 'its processes could not be read',
  protected_process: 'it is a process that is never touched',
  other_user: 'it belongs to another user',
  terminal: 'it is terminated',
}

/** One clear sentence of what came of it. Nothing is claimed that the entry does not say was verified. */
export function outcomeOf(entry: ShownEntry, { dryRun }: { readonly dryRun: boolean }): Outcome {
  const { agent, action, status, id } = entry
  const detail = entry.detail === undefined ? undefined : cleanText(entry.detail, 512)
  const failed = (text: string): Outcome => ({ text, exitCode: EXIT.failure })
  const because = detail === undefined ? '' : `: ${detail}`
  switch (status) {
    case 'done': {
      const how = [
        entry.rung,
        entry.durationMs === undefined ? undefined : `${Math.round(entry.durationMs)} ms`,
      ]
      const shown = how.filter((part) => part !== undefined)
      return {
        text: `${agent} ${DONE[action]}${shown.length === 0 ? '' : ` (${shown.join(', ')})`}.`,
        exitCode: EXIT.ok,
      }
    }
    case 'noop':
      return { text: `${agent} ${ALREADY[action]}.`, exitCode: EXIT.ok }
    case 'needs_foreground':
      return failed(`${agent} needs the foreground: ${detail ?? 'type fg in its terminal'}.`)
    case 'dry_run':
      if (dryRun) return { text: `Dry run: nothing was done to ${agent}${because}.`, exitCode: EXIT.ok }
      return failed(
        entry.refusal === 'not_enforced' || detail === undefined
          ? `Dry run: nothing was done to ${agent}: ${detail ?? 'the agent was only discovered'}; repeat with --enforce.`
          : `Dry run: nothing was done to ${agent}${because}.`,
      )
    case 'refused': {
      const why = detail ?? (entry.refusal && REFUSED[entry.refusal]) ?? entry.refusal ?? 'no reason given'
      return failed(`Refused to ${action} ${agent}: ${why}.`)
    }
    case 'partial':
      return failed(`${agent} could be ${PARTLY[action]} only in part${because}.`)
    case 'failed':
      return failed(`Could not ${action} ${agent}${because}.`)
    case 'pending_approval':
      return failed(`To ${action} ${agent} waits for approval (action ${id}).`)
    case 'intended':
      return failed(`To ${action} ${agent} is not verified yet (action ${id}); see agent-exporter actions.`)
  }
}

const PARTLY: Readonly<Record<Action, string>> = {
  pause: 'paused',
  resume: 'resumed',
  terminate: 'ended',
  resize: 'resized',
}
