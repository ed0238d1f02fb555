/** A browser that a person signed in, as far as the daemon can tell. */
export interface SignedIn {
  /** `name=value`, for a Cookie header. */
  readonly cookie: string
  readonly proof: string
  /** What a page of the control page sends with whatever changes something. */
  readonly headers: Readonly<Record<string, string>>
}

/** A link to the control page, asked for with a token. */
export async function askLink(url: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await fetch(`${url}/api/v1/ui/links`, { method: 'POST', headers })
  const { url: link } = (await answer.json()) as { url?: string }
  if (link === undefined) throw new Error(`no link was made: ${answer.status}`)
  return link
}

/** Opens the link as a browser does, once. */
export async function openLink(link: string): Promise<SignedIn> {
  const answer = await fetch(link, { redirect: 'manual' })
  const [cookie = ''] = answer.headers.get('set-cookie')?.split(';') ?? []
  const { origin, hash } = new URL(answer.headers.get('location') ?? '', link)
  const proof = hash.replace(/^#proof=/, '')
  if (answer.status !== 303 || cookie === '' || proof === '') throw new Error(`answered ${answer.status}`)
  return { cookie, proof, headers: { cookie, origin, 'x-agent-exporter-proof': proof } }
}

export const signIn = async (url: string, token: string): Promise<SignedIn> =>
  await openLink(await askLink(url, token))
