import { describe, expect, it } from 'vitest'
import { outcomeOf, type ShownEntry } from '../../../src/cli/outcome.ts'
import { ACTION_STATUSES, ACTIONS, REFUSALS } from '../../../src/control/model.ts'

const entry = (more: Partial<ShownEntry>): ShownEntry => ({
  id: 'act-1',
  at: '2026-01-01T00:00:00.000Z',
  agent: 'mine',
  action: 'pause',
  trigger: 'human',
  actor: 'control',
  reason: 'because',
  status: 'done',
  count: 1,
  ...more,
})
const say = (more: Partial<ShownEntry>, dryRun = false) => outcomeOf(entry(more), { dryRun })

describe('what came of an action', () => {
  it.each([
    [{ rung: 'sigstop', durationMs: 83.2 }, 'mine is paused (sigstop, 83 ms).'],
    [{ action: 'resume', rung: 'sigcont', durationMs: 1_004 }, 'mine runs again (sigcont, 1004 ms).'],
    [{ action: 'terminate' }, 'mine has ended.'],
    [{ status: 'noop' }, 'mine was paused already.'],
  ] as const)('%j is a success: %s', (more, text) => {
    expect(say(more)).toEqual({ exitCode: 0, text })
  })

  it.each([
    [{ status: 'refused', refusal: 'kill_switch' }, 'Refused to pause mine: the kill switch is engaged'],
    [
      { status: 'refused', refusal: 'held', detail: 'held by\u001b budget' },
      'Refused to pause mine: held by\ufffd budget.',
    ],
    [{ status: 'failed', detail: 'EPERM' }, 'Could not pause mine: EPERM.'],
    [{ status: 'partial', detail: '2 left' }, 'mine could be paused only in part: 2 left.'],
    [{ action: 'resume', status: 'needs_foreground' }, 'mine needs the foreground: type fg in its terminal.'],
    [{ status: 'intended' }, 'To pause mine is not verified yet (action act-1)'],
    [{ status: 'pending_approval' }, 'To pause mine waits for approval (action act-1).'],
    [
      { status: 'dry_run' },
      'nothing was done to mine: the agent was only discovered; repeat with --enforce.',
    ],
    [
      { status: 'dry_run', refusal: 'not_enforced', detail: 'not opted in' },
      'nothing was done to mine: not opted in; repeat with --enforce.',
    ],
    [
      { status: 'dry_run', detail: 'control.mode is dry-run' },
      'Dry run: nothing was done to mine: control.mode is dry-run.',
    ],
  ] as const)('%j is none: %s', (more, text) => {
    const outcome = say(more)
    expect(outcome.exitCode).toBe(1)
    expect(outcome.text).toContain(text)
  })

  it('a dry run that was asked for is a success', () => {
    expect(say({ status: 'dry_run' }, true)).toEqual({
      exitCode: 0,
      text: 'Dry run: nothing was done to mine.',
    })
  })

  it('only what was verified is a success, and everything is a sentence', () => {
    for (const action of ACTIONS) {
      for (const status of ACTION_STATUSES) {
        const { exitCode, text } = say({ action, status })
        expect(exitCode === 0).toBe(status === 'done' || status === 'noop')
        expect(text).toMatch(/^\S.*\.$/)
      }
      for (const refusal of REFUSALS)
        expect(say({ action, status: 'refused', refusal }).text).toMatch(/: .+\.$/)
    }
  })
})
