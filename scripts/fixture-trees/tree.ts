/** Text of a file, or the target of a link. */
export type Entry = string | { readonly link: string }
export type Tree = Map<string, Entry>

/** A link to itself: opening it fails (ELOOP) for root too, which file modes would not, and git keeps it. */
export const unreadable = (name: string): Entry => ({ link: name })

export const CONTAINER_ID = '4f1d2c3b5a6978877665544332211000ffeeddccbbaa99887766554433221100'
export const SHAPES = ['v1', 'v2-systemd', 'v2-cgroupfs', 'v2-no-psi-no-permission', 'v2-namespaced'] as const
export type Shape = (typeof SHAPES)[number]
