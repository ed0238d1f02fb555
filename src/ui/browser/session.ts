import { byId } from './page.ts'

/** What this browser may do, and how it shows that it may. */
export interface Session {
  readonly canControl: boolean
  /** Goes with every call that changes something. */
  readonly headers: Readonly<Record<string, string>>
  /** Asks anew when a page was rendered for somebody else: signed in or out in another tab, expired, or a new daemon. */
  follow(fresh: Document): Promise<void>
  signOut(): Promise<void>
}

interface Answer {
  readonly signedIn: boolean
  readonly name?: string
  readonly canControl?: boolean
  readonly expiresAt?: string
}

const PROOF_HEADER = 'x-agent-exporter-proof'
/** Storage belongs to an origin, and so does what is kept in it. */
const PROOF_KEY = 'agent-exporter.proof'
const ADDRESS = '/api/v1/ui/session'

/** The link that signs in carries the proof in the fragment: it is kept, and gone from the address and the history. */
function takeProof(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get('proof')
  if (given === null) return
  localStorage.setItem(PROOF_KEY, given)
  history.replaceState(null, '', location.pathname + location.search)
}

/** Asks who this browser is, and says so at the top of the page. */
export async function openSession(): Promise<Session> {
  takeProof()
  const name = byId('who-name', HTMLElement)
  /** Whom the page was rendered for. */
  let rendered = name.textContent
  // Whoever sends a token with every request may control without a session.
  let byToken = name.dataset['control'] === 'yes'
  let answer: Answer = (await ask()) ?? { signedIn: false }
  const canControl = () => byToken || answer.canControl === true
  show()

  function show(): void {
    const { signedIn, name: known = 'signed in', expiresAt } = answer
    byId('who-leave', HTMLElement).hidden = !signedIn
    byId('who-hint', HTMLElement).hidden = canControl()
    name.textContent = signedIn ? `${known}, may ${canControl() ? 'control' : 'read'}` : rendered
    name.title =
      signedIn && expiresAt !== undefined ? `until ${expiresAt.slice(0, 16).replace('T', ' ')} UTC` : ''
  }

  return {
    get canControl() {
      return canControl()
    },
    get headers() {
      return proven()
    },
    async follow(fresh) {
      const who = fresh.getElementById('who-name')
      if (who === null || who.textContent === rendered) return
      const now = await ask()
      // Nobody answered: the next page asks again.
      if (now === undefined) return
      rendered = who.textContent
      byToken = who.dataset['control'] === 'yes'
      answer = now
      show()
    },
    async signOut() {
      await fetch(ADDRESS, { method: 'DELETE', headers: { ...proven(), 'content-type': 'application/json' } })
      localStorage.removeItem(PROOF_KEY)
      location.reload()
    },
  }
}

/** Another tab may have signed in meanwhile. */
function proven(): Record<string, string> {
  const proof = localStorage.getItem(PROOF_KEY)
  return proof === null ? {} : { [PROOF_HEADER]: proof }
}

async function ask(): Promise<Answer | undefined> {
  try {
    const answer = await fetch(ADDRESS, { headers: proven() })
    return answer.ok ? ((await answer.json()) as Answer) : { signedIn: false }
  } catch {
    return undefined
  }
}
