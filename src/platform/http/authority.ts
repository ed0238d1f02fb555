/** What stands in a Host header. */
export interface Authority {
  /** Lower case, without a trailing dot; an IPv6 address in brackets. */
  readonly name: string
  /** Empty when none is given. */
  readonly port: string
}

/** Characters of RFC 3986 `reg-name`. Splits `name`, `name:port`, `[v6]`, `[v6]:port`; undefined for anything that no browser would send. */
export function parseAuthority(text: string): Authority | undefined {
  const [, name, port] = /^(\[[0-9a-fA-F:.]+\]|[!$&'()*+,;=\w.~%-]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (name === undefined || name.length > 255) return undefined
  // A trailing dot is the same name, fully qualified.
  return { name: name.toLowerCase().replace(/\.$/, ''), port: port ?? '' }
}

/** An origin in the form browsers send it, or undefined (`null`, malformed, with a path). */
export function parseOrigin(text: string): URL | undefined {
  if (!/^https?:\/\/[^\s/?#@\\]+$/i.test(text)) return undefined
  return URL.canParse(text) ? new URL(text) : undefined
}

/** Compared without the scheme: behind a proxy that ends TLS the page is https and we are http. */
export function isSameOrigin(origin: URL, host: string | undefined): boolean {
  const authority = host === undefined ? undefined : parseAuthority(host)
  if (authority === undefined) return false
  const defaultPort = origin.protocol === 'https:' ? '443' : '80'
  const originPort = origin.port === '' ? defaultPort : origin.port
  const hostPort = authority.port === '' ? defaultPort : authority.port
  return origin.hostname.replace(/\.$/, '') === authority.name && originPort === hostPort
}
