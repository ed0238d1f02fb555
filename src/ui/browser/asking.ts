import type { Outcome } from './outcome.ts'
import { byId, say } from './page.ts'
import { callOf, type Rehearsal, rehearse, send } from './request.ts'
import type { Session } from './session.ts'

const SIGN_IN = 'To act, sign in: run agent-exporter ui on the host of the daemon.'
const NEEDS_NO_REASON = new Set(['approve', 'release', 'reset', 'sign-out'])

/** Switches buttons on for those who may use them, in this page or in one that is about to be shown. */
export function switchButtons(place: ParentNode, { canControl }: Session): void {
  for (const button of place.querySelectorAll<HTMLButtonElement>('button[data-deed]')) {
    const { deed, off } = button.dataset
    const why = deed === 'sign-out' ? undefined : (off ?? (canControl ? undefined : SIGN_IN))
    button.disabled = why !== undefined
    button.title = why ?? ''
  }
}

/** The dialog that asks before anything is done, and says why it could not be asked for. */
export function createAsking(session: Session, outcome: Outcome, onDone: () => Promise<void>): void {
  const page = byId('page', HTMLElement)
  const dialog = byId('ask', HTMLDialogElement)
  const form = byId('ask-form', HTMLFormElement)
  const confirm = byId('ask-confirm', HTMLButtonElement)
  const reason = byId('ask-reason', HTMLInputElement)
  const enforce = byId('ask-enforce', HTMLInputElement)
  const limit = byId('ask-limit', HTMLSelectElement)
  const amount = byId('ask-amount', HTMLInputElement)
  const error = byId('ask-error', HTMLElement)
  const trial = byId('ask-trial', HTMLElement)
  let asked: HTMLElement | undefined
  /** One for each time the dialog opens: sent twice it is done once. */
  let key = ''

  const wish = () => ({
    deed: asked?.dataset['deed'] ?? '',
    subject: asked?.dataset['subject'] ?? '',
    reason: reason.value.trim(),
    enforce: enforce.checked,
    extra: amount.value.trim() === '' ? undefined : { limit: limit.value, amount: amount.value.trim() },
  })

  function open(button: HTMLElement): void {
    asked = button
    key = newKey()
    const { deed = '', title = '', explain = '', asks } = button.dataset
    byId('ask-title', HTMLElement).textContent = title
    byId('ask-explain', HTMLElement).textContent = explain
    byId('ask-opt-in', HTMLElement).hidden = asks !== 'opt-in'
    byId('ask-extra', HTMLElement).hidden = asks !== 'extra-budget' || limit.options.length === 0
    byId('ask-why', HTMLElement).hidden = NEEDS_NO_REASON.has(deed)
    form.reset()
    showUnit()
    say(error, undefined)
    say(trial, undefined)
    confirm.textContent = button.textContent
    confirm.className = button.className
    confirm.disabled = false
    dialog.showModal()
    if (deed === 'terminate') void foresee()
  }

  /** What would come of it, before it is asked for: what cannot be undone is looked at first. */
  async function foresee(): Promise<void> {
    const of = key
    say(trial, 'Asking whether anything stands in its way …')
    const text = await rehearse(wish(), session.headers).then(foreseen, messageOfQuestion)
    if (of === key) say(trial, text)
  }

  async function submit(): Promise<void> {
    confirm.disabled = true
    say(error, undefined)
    try {
      if (wish().deed === 'sign-out') return await session.signOut()
      const entry = await send(callOf(wish()), session.headers, key)
      dialog.close()
      await outcome.show(entry)
      await onDone()
      keepPlace()
    } catch (failure) {
      // The same again is the same; something else needs a key of its own.
      key = newKey()
      say(error, messageOf(failure))
      if (!dialog.open) dialog.showModal()
    } finally {
      confirm.disabled = false
    }
  }

  document.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest<HTMLElement>('button[data-deed]') : null
    if (button !== null) open(button)
  })
  limit.addEventListener('change', showUnit)
  byId('ask-cancel', HTMLButtonElement).addEventListener('click', () => dialog.close())
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
  dialog.addEventListener('close', () => {
    // It is told of later than it happens: whoever is quick has the next question before him already.
    if (dialog.open) return
    key = ''
    asked?.focus()
    // The button may be gone meanwhile, or off: whoever uses the keyboard goes on at the top of the page.
    if (document.activeElement === document.body) page.focus()
  })

  /** The button may have been exchanged for its opposite: whoever uses the keyboard goes on from there. */
  function keepPlace(): void {
    if (document.activeElement !== document.body && document.activeElement !== page) return
    document.querySelector<HTMLElement>('#page .buttons button:enabled')?.focus()
  }

  function showUnit(): void {
    amount.placeholder = limit.selectedOptions[0]?.dataset['unit'] ?? ''
  }
  showUnit()
}

function foreseen({ verdict, detail = '' }: Rehearsal): string {
  if (verdict === 'allow') return 'Nothing stands in its way.'
  return `It would be ${verdict === 'refused' ? 'refused' : 'a dry run'}: ${detail}.`
}

function messageOfQuestion(failure: unknown): string {
  if (failure instanceof TypeError) return 'The daemon does not answer: what would come of it is not known.'
  return messageOf(failure)
}

function messageOf(failure: unknown): string {
  // What fetch says when nobody answers differs by browser and says nothing.
  if (failure instanceof TypeError) return 'The daemon does not answer; whether it was done is not known.'
  return failure instanceof Error ? failure.message : String(failure)
}

/** `randomUUID` is there on secure origins only, and a daemon may be reached over plain HTTP. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
}
