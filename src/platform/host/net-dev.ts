import type { NetworkDevice } from './sample.ts'

/** A host has few real ports; beyond this somebody creates devices by the dozen and names are no use as labels. */
const MOST_DEVICES = 16

/**
 * Devices without a wire of their own: loopback, bridges, and the ends of container networks, of which there is
 * one per container. Their traffic is either local or counted again at the real port.
 */
const VIRTUAL =
  /^(lo|veth|br-|docker|virbr|vnet|tap|cali|cilium|cni|flannel|lxc|lxd|podman|kube|nodelocaldns|ifb|dummy|tunl|sit|gre|erspan|ip6)/

/** Parses `/proc/net/dev`: bytes received and sent by each real device since it came up. */
export function parseNetDev(text: string): NetworkDevice[] {
  const devices: NetworkDevice[] = []
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':')
    if (colon === -1 || devices.length === MOST_DEVICES) continue
    const device = line.slice(0, colon).trim()
    // receive: bytes packets errs drop fifo frame compressed multicast; transmit begins at the ninth column.
    const columns = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
    if (columns.length < 16 || VIRTUAL.test(device)) continue
    const receiveBytes = Number(columns[0])
    const transmitBytes = Number(columns[8])
    if (Number.isFinite(receiveBytes) && Number.isFinite(transmitBytes))
      devices.push({ device, receiveBytes, transmitBytes })
  }
  return devices
}
