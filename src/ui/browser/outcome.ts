import { byId } from './page.ts'
import type { Entry } from './request.ts'

/** What came of the last thing that was asked, in the server's words. */
export interface Outcome {
  show(entry: Entry): Promise<void>
  /** Looks again at what was not settled. */
  refresh(): Promise<void>
}

export function createOutcome(): Outcome {
  const section = byId('outcome', HTMLElement)
  let open: string | undefined

  function fill(...nodes: (Node | string)[]): void {
    section.replaceChildren(...nodes)
    section.hidden = false
  }

  /** The page of the entry says it in one sentence. */
  async function showEntry(id: string): Promise<void> {
    const path = `/ui/actions/${encodeURIComponent(id)}`
    const answer = await fetch(path, { cache: 'no-store' })
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const entry = fresh.getElementById('entry')
    if (!answer.ok || entry === null) throw new Error(`The journal does not show the action ${id}.`)
    const more = document.createElement('a')
    more.href = path
    more.textContent = 'Everything about it'
    fill(document.importNode(entry, true), more)
    open = entry.dataset['open'] === 'yes' ? id : undefined
  }

  return {
    async show({ actionId }) {
      if (actionId !== undefined) return await showEntry(actionId)
      open = undefined
      fill('Done. The page shows the new state.')
    },
    async refresh() {
      if (open !== undefined) await showEntry(open)
    },
  }
}
