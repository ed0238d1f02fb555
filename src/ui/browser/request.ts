/** What a person fills in. */
export interface Wish {
  readonly deed: string
  readonly subject: string
  readonly reason: string
  readonly enforce: boolean
  readonly extra: { readonly limit: string; readonly amount: string } | undefined
}

export interface Call {
  readonly method: 'POST' | 'PUT'
  readonly path: string
  readonly body: object
}

/** Longer than a pause takes to be verified, shorter than a person waits. */
const WAIT = '?wait=10s'

/** The call of the API that does it. */
export function callOf({ deed, subject, reason, enforce, extra }: Wish): Call {
  const why = reason === '' ? {} : { reason }
  const path = encodeURIComponent(subject)
  switch (deed) {
    case 'pause':
    case 'resume':
    case 'terminate':
      return {
        method: 'POST',
        path: `/api/v1/agents/${path}/${deed}${WAIT}`,
        body: { ...why, ...(enforce ? { enforce } : {}), ...(extra ? { extraBudget: budget(extra) } : {}) },
      }
    case 'approve':
      return { method: 'POST', path: `/api/v1/actions/${path}/approve${WAIT}`, body: {} }
    case 'reject':
      return { method: 'POST', path: `/api/v1/actions/${path}/reject`, body: why }
    case 'engage':
      return { method: 'PUT', path: '/api/v1/control/kill-switch', body: { engaged: true, ...why } }
    case 'release':
      return { method: 'PUT', path: '/api/v1/control/kill-switch', body: { engaged: false } }
    case 'reset':
      return { method: 'POST', path: '/api/v1/control/reset', body: {} }
    default:
      throw new Error(`nobody knows how to ${deed}`)
  }
}

/** Numbers as numbers; everything else as it was written, for the API to read or refuse. */
function budget({ limit, amount }: { limit: string; amount: string }): object {
  const number = Number(amount)
  return { [limit]: Number.isNaN(number) ? amount : number }
}

/** What would come of it, of which nothing is written down. It is asked as for an agent that opted in. */
export async function rehearse(
  { deed, subject }: Pick<Wish, 'deed' | 'subject'>,
  headers: Readonly<Record<string, string>>,
): Promise<Rehearsal> {
  const path = `/api/v1/agents/${encodeURIComponent(subject)}/rehearse`
  return await ask<Rehearsal>({ method: 'POST', path, body: { action: deed, enforce: true } }, headers)
}

export interface Rehearsal {
  readonly verdict: 'allow' | 'dry_run' | 'refused'
  readonly detail?: string
}

/** What the API answers of an action. */
export interface Entry {
  readonly actionId?: string
}

/** @throws Error with the API's own words when it refuses the call itself */
export async function send(
  call: Call,
  headers: Readonly<Record<string, string>>,
  key: string,
): Promise<Entry> {
  return await ask<Entry>(call, { ...headers, 'idempotency-key': key })
}

interface Refusal {
  readonly title?: string
  readonly detail?: string
  readonly errors?: readonly { readonly path: string; readonly message: string }[]
}

async function ask<Answer>(
  { method, path, body }: Call,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const answer = await fetch(path, {
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (answer.ok) return (await answer.json()) as Answer
  // What stands before the daemon may answer in a page.
  const said = (await answer.json().catch(() => ({}))) as Refusal
  const where = said.errors?.map(({ path: at, message }) => ` ${at} ${message}.`).join('') ?? ''
  // Whoever may not is told what is wrong, and then what to do about it.
  const title = said.title !== undefined && [401, 403].includes(answer.status) ? `${said.title}. ` : ''
  throw new Error(`${title}${said.detail ?? `The daemon answered ${answer.status}.`}${where}`)
}
