import { expect, it } from 'vitest'
import { ACTION_STATUSES, ACTIONS } from '../../../src/control/model.ts'
import { outcomeOf } from '../../../src/ui/outcome.ts'
import { at, shownAction } from './scene.ts'

it.each([
  [
    { status: 'done', verifiedAt: at(1), durationMs: 12.4, rung: 'sigstop' },
    'writer is paused, verified after 12 ms by sigstop.',
  ],
  [{ status: 'noop' }, 'writer was paused already.'],
  [{ status: 'refused', refusal: 'kill_switch' }, 'Refused to pause writer: kill_switch.'],
  [
    { status: 'refused', refusal: 'kill_switch', detail: 'it is engaged' },
    'Refused to pause writer: it is engaged.',
  ],
  [
    { status: 'dry_run', detail: 'the agent was only discovered' },
    'Dry run, nothing was done to writer: the agent was only discovered.',
  ],
  [{ status: 'partial', detail: 'two run on' }, 'writer could be paused only in part: two run on.'],
  [{ status: 'failed' }, 'Could not pause writer.'],
  [{ status: 'needs_foreground' }, 'writer needs the foreground: type fg in its terminal.'],
  [{ status: 'pending_approval' }, 'To pause writer waits for approval.'],
  [{ status: 'intended' }, 'To pause writer is under way and not verified yet.'],
] as const)('%j', (entry, says) => {
  expect(outcomeOf(shownAction(entry)).says).toBe(says)
})

it('claims success of nothing but what was done, or was so already', () => {
  for (const action of ACTIONS) {
    for (const status of ACTION_STATUSES) {
      const { mark } = outcomeOf(shownAction({ action, status }))
      expect(mark === 'fine', `${action} ${status}`).toBe(status === 'done' || status === 'noop')
    }
  }
})

it('does not say verified of what was not', () => {
  expect(outcomeOf(shownAction({ status: 'done' })).says).toBe('writer is paused.')
})
