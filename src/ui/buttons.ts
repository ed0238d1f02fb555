import { html, type Markup, type Part } from './markup.ts'
import type { ShownAction, ShownAgent } from './model.ts'

/** What the browser script can ask the API for. */
export type Deed =
  | 'pause'
  | 'resume'
  | 'terminate'
  | 'approve'
  | 'reject'
  | 'engage'
  | 'release'
  | 'reset'
  | 'sign-out'

export interface Button {
  readonly deed: Deed
  /** The agent or the action it is about. */
  readonly subject?: string
  readonly label: string
  /** The question of the dialog, and what happens when it is confirmed. */
  readonly title: string
  readonly explain: string
  /** Asked for besides a reason. */
  readonly asks?: 'opt-in' | 'extra-budget'
  readonly kind?: 'danger'
  /** Why it is of no use now. */
  readonly isOff?: string
}

/**
 * A button the browser script gives its effect. Without the script, or without the right to control, it is off: the
 * script switches it on.
 */
export function button({ deed, subject, label, title, explain, asks, kind, isOff }: Button): Markup {
  const id = `do-${deed}${subject === undefined ? '' : `-${subject}`}`
  return html`<button type="button" class="${kind ?? 'plain'}" id="${id}" data-deed="${deed}"${
    subject !== undefined && html` data-subject="${subject}"`
  } data-title="${title}" data-explain="${explain}"${asks !== undefined && html` data-asks="${asks}"`}${
    isOff !== undefined && html` data-off="${isOff}"`
  } disabled>${label}</button>`
}

/** What can be done to a live agent. */
export function agentButtons(agent: ShownAgent): Markup {
  const { id, enforced, holds = [], endedAt, terminal, state } = agent
  if (endedAt !== undefined)
    return html`<p class="faint">It has ended: nothing can be done to it any more.</p>`
  const optIn: { asks?: 'opt-in' } = enforced === false ? { asks: 'opt-in' } : {}
  const isStill = holds.length > 0 || state.lifecycleState === 'paused'
  const causes = holds.map(({ cause }) => cause).join(', ')
  const buttons: Part[] = []
  if (!isStill) {
    buttons.push(
      button({
        ...{ deed: 'pause', subject: id, label: 'Pause', title: `Pause ${id}?`, ...optIn },
        explain:
          'Every process of it stands still until it is resumed. Its memory stays in use. ' +
          'The hold is yours: nothing else resumes it.',
      }),
    )
  } else {
    buttons.push(
      button({
        ...{ deed: 'resume', subject: id, label: 'Resume', title: `Resume ${id}?`, asks: 'extra-budget' },
        explain:
          causes === ''
            ? 'Its processes go on. It was not stopped by a hold of this daemon.'
            : `All holds end (${causes}), its processes go on, and a new budget epoch begins: what was used counts from 0.`,
      }),
    )
  }
  buttons.push(
    button({
      ...{ deed: 'terminate', subject: id, label: 'Terminate', title: `Terminate ${id}?`, ...optIn },
      explain:
        'Every process of it is asked to end (SIGTERM) and after the grace time killed. This cannot be undone.',
      kind: 'danger',
      ...(terminal === true ? { isOff: 'It is being ended already.' } : {}),
    }),
  )
  return html`<div class="buttons" role="group" aria-label="Act on ${id}">${buttons}</div>`
}

export function approvalButtons({ id, action, agent, reason }: ShownAction): Markup {
  return html`<div class="buttons" role="group" aria-label="Decide on ${action} of ${agent}">${button({
    ...{ deed: 'approve', subject: id, label: 'Approve', title: `Let ${agent} be acted on?` },
    explain: `To ${action} ${agent} is carried out at once. Asked for because: ${reason}`,
    ...(action === 'terminate' ? { kind: 'danger' } : {}),
  })}${button({
    ...{ deed: 'reject', subject: id, label: 'Reject', title: `Refuse to ${action} ${agent}?` },
    explain: `Nothing is done to ${agent}, and the journal says that you refused it.`,
  })}</div>`
}
