/** Where to listen, as `net.Server.listen` takes it. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'fd'; readonly fd: number }

/** First descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_SYSTEMD_FD = 3
const MAX_PORT = 65_535

function port(text: string, whole: string): number {
  const number = Number(text)
  if (!/^\d{1,5}$/.test(text) || number > MAX_PORT) throw new Error(`"${whole}": not a port`)
  return number
}

/**
 * Reads `host:port`, `:port` (every address of this machine), `[v6]:port`, `unix:/path` and `fd:<n>`.
 * @throws Error naming the text that is none of them.
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:/')) return { kind: 'unix', path: text.slice('unix:'.length) }
  const [, fd] = /^fd:(\d{1,4})$/.exec(text) ?? []
  if (fd !== undefined) return { kind: 'fd', fd: Number(fd) }
  const [, v6, host, digits] = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^[\]:\s/]*)):(\d+)$/.exec(text) ?? []
  if (digits === undefined) {
    throw new Error(`"${text}": not a listen address (host:port, :port, [address]:port or unix:/path)`)
  }
  const name = v6 ?? host
  return { kind: 'tcp', host: name === '' ? undefined : name, port: port(digits, text) }
}

/**
 * The sockets systemd opened for this process (`LISTEN_FDS`, `LISTEN_PID`); empty without socket activation.
 * Source: sd_listen_fds(3).
 */
export function systemdListenAddresses(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): ListenAddress[] {
  if (environment['LISTEN_PID'] !== String(pid)) return []
  const count = Number(environment['LISTEN_FDS'] ?? '0')
  if (!Number.isInteger(count) || count < 1) return []
  return Array.from({ length: count }, (_, index) => ({ kind: 'fd', fd: FIRST_SYSTEMD_FD + index }))
}

/** As in `--web.listen-address`, for messages. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  if (address.kind === 'fd') return `fd:${address.fd}`
  const { host = '', port: number } = address
  return host.includes(':') ? `[${host}]:${number}` : `${host}:${number}`
}
