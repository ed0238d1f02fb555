import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CONTAINER_ID, type Shape } from '../../../../scripts/fixture-trees/tree.ts'
import { createCgroupReader } from '../../../../src/platform/cgroup/reader.ts'
import {
  containerIdIn,
  containerIdOf,
  locateContainer,
  strangeContainerOf,
} from '../../../../src/platform/docker/container-cgroup.ts'
import { createNetworkReader, parseNetDev } from '../../../../src/platform/docker/network.ts'
import { namespacedContainerId, ownContainerId } from '../../../../src/platform/docker/own-container.ts'

const trees = fileURLToPath(new URL('../../../fixtures/trees', import.meta.url))
const proc = (shape: Shape) => join(trees, shape, 'proc')
const reader = (shape: Shape) =>
  createCgroupReader({ root: join(trees, shape, 'cgroup'), procRoot: proc(shape) })
const OTHER = 'a'.repeat(64)

describe('which container a group belongs to', () => {
  it('is read from the paths of every driver', () => {
    expect(containerIdIn(`/docker/${OTHER}`)).toBe(OTHER)
    expect(containerIdIn(`/system.slice/docker-${OTHER}.scope`)).toBe(OTHER)
    expect(containerIdIn(`/machine.slice/libpod-${OTHER}.scope/container`)).toBe(OTHER)
    expect(containerIdIn(`/kubepods/burstable/pod1/cri-containerd-${OTHER}.scope`)).toBe(OTHER)
    // An engine inside a container: everything there belongs to the outer one.
    expect(containerIdIn(`/docker/${OTHER}/docker/${CONTAINER_ID}`)).toBe(OTHER)
  })

  it('is none for a process of the host', () => {
    for (const path of ['/', '/user.slice/session-3.scope', `/x/${'a'.repeat(65)}`, `/x/${'a'.repeat(32)}`]) {
      expect(containerIdIn(path), path).toBeUndefined()
    }
    const v1 = reader('v1')
    expect(containerIdOf(v1.locate(200)!)).toBeUndefined()
    expect(containerIdOf(v1.locate(301)!)).toBe(CONTAINER_ID)
  })
})

describe('the container that a process is behind', () => {
  const at = (path: string) => ({ version: 2 as const, path })
  const INNER = 'b'.repeat(64)

  it('is any for a daemon of the host', () => {
    expect(strangeContainerOf(at(`/docker/${OTHER}/init.scope`))).toBe(OTHER)
    expect(strangeContainerOf(at('/user.slice/session-3.scope'))).toBeUndefined()
  })

  it('is none in the container of the daemon, and what an engine inside of that has made', () => {
    expect(strangeContainerOf(at(`/docker/${OTHER}`), OTHER)).toBeUndefined()
    expect(strangeContainerOf(at('/'), OTHER)).toBeUndefined()
    expect(strangeContainerOf(at(`/docker/${INNER}`), OTHER)).toBe(INNER)
    expect(strangeContainerOf(at(`/docker/${OTHER}/docker/${INNER}`), OTHER)).toBe(INNER)
  })

  it('is found in any of the trees of v1', () => {
    const paths = { memory: '/', freezer: `/docker/${OTHER}` }
    expect(strangeContainerOf({ version: 1, path: '/', paths })).toBe(OTHER)
  })
})

describe('the group of a container', () => {
  it.each(['v1', 'v2-systemd', 'v2-cgroupfs'] as const)(
    'is found on %s by its pid and without it',
    (shape) => {
      const cgroups = reader(shape)
      const byPid = locateContainer(cgroups, { id: CONTAINER_ID, pid: 300 })
      const byPath = locateContainer(cgroups, { id: CONTAINER_ID, pid: undefined })
      expect(byPid?.path).toContain(CONTAINER_ID)
      expect(byPath?.path).toBe(byPid?.path)
    },
  )

  it('is not that of a recycled pid', () => {
    const cgroups = reader('v2-systemd')
    expect(locateContainer(cgroups, { id: CONTAINER_ID, pid: 200 })?.path).toContain(CONTAINER_ID)
    expect(locateContainer(cgroups, { id: OTHER, pid: 300 })).toBeUndefined()
  })

  it('is the container’s own even when its main process has moved below it', () => {
    const inner = `/system.slice/docker-${OTHER}.scope/init.scope`
    const cgroups = {
      ...reader('v1'),
      locate: () => ({ version: 1 as const, path: inner, paths: { memory: inner } }),
    }
    expect(locateContainer(cgroups, { id: OTHER, pid: 1 })).toEqual({
      version: 1,
      path: `/system.slice/docker-${OTHER}.scope`,
      paths: { memory: `/system.slice/docker-${OTHER}.scope` },
    })
  })

  it('has no part in trees where only the engine’s service has a group', () => {
    const paths = { memory: `/docker/${OTHER}`, cpu: '/', unified: '/system.slice/docker.service' }
    const cgroups = { ...reader('v1'), locate: () => ({ version: 1 as const, path: paths.memory, paths }) }
    expect(locateContainer(cgroups, { id: OTHER, pid: 1 })?.paths).toEqual({ memory: `/docker/${OTHER}` })
  })

  it('is the top of the tree when it is our own and a cgroup namespace hides its name', () => {
    const cgroups = reader('v2-namespaced')
    const own = namespacedContainerId(proc('v2-namespaced'))
    expect(own).toBe(CONTAINER_ID)
    expect(locateContainer(cgroups, { id: CONTAINER_ID, pid: 300 }, own)?.path).toBe('/')
    expect(containerIdOf(cgroups.locate(302)!, own)).toBe(CONTAINER_ID)
    // A process outside of the namespace has no group that is seen here, so it is never taken for one inside.
    expect(cgroups.locate(200)).toBeUndefined()
  })
})

describe('network of a container', () => {
  it('is that of its namespace without the loopback, and absent in the host’s', () => {
    const network = createNetworkReader(proc('v2-systemd'))
    expect(network.read(300)).toEqual({ receiveBytes: 1_000_000, transmitBytes: 250_000 })
    expect(network.read(200)).toBeUndefined()
    expect(network.read(999)).toBeUndefined()
  })

  it('is absent where the namespace cannot be seen', () => {
    expect(createNetworkReader(proc('v2-no-psi-no-permission')).read(300)).toBeUndefined()
  })

  it('copes with a name that touches its first number and with an empty table', () => {
    expect(parseNetDev('eth0:12 0 0 0 0 0 0 0 34 0\n')).toEqual({ receiveBytes: 12, transmitBytes: 34 })
    expect(parseNetDev('')).toEqual({ receiveBytes: 0, transmitBytes: 0 })
  })
})

it('our own container is found by the files bound into it, and there is none on a host', () => {
  expect(ownContainerId(proc('v2-namespaced'))).toBe(CONTAINER_ID)
  expect(ownContainerId(proc('v2-systemd'))).toBeUndefined()
  expect(namespacedContainerId(proc('v2-systemd'))).toBeUndefined()
})
