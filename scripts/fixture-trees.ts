/**
 * Writes `test/fixtures/trees/<shape>/{proc,cgroup}`: small pictures of hosts that the machine of a test cannot be.
 * Run `node scripts/fixture-trees.ts` after a change here; the unit suite compares the files with this script.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CgroupFacts, groupV1, groupV2, pressure } from './fixture-trees/cgroup.ts'
import { hostFiles, processFiles } from './fixture-trees/proc.ts'
import { CONTAINER_ID, SHAPES, type Shape, type Tree, unreadable } from './fixture-trees/tree.ts'

const MIB = 1024 * 1024

/** 300 MiB in use of 512; one core and a half; 25 s of CPU. */
const CONTAINER: CgroupFacts = {
  current: 300 * MIB,
  inactiveFile: 60 * MIB,
  anon: 180 * MIB,
  swap: 4 * MIB,
  peak: 340 * MIB,
  limit: 512 * MIB,
  oomKills: 2,
  userMicros: 20_500_000,
  systemMicros: 4_500_000,
  periods: 900,
  throttled: 45,
  throttledMicros: 3_250_000,
  quotaMicros: 150_000,
  pids: 12,
  pidsLimit: 200,
  readBytes: 9 * MIB,
  writeBytes: 3 * MIB,
  someMicros: 1_250_000,
  fullMicros: 400_000,
  frozen: false,
  processes: [300, 301],
}

const SESSION: CgroupFacts = {
  ...CONTAINER,
  current: 900 * MIB,
  limit: undefined,
  quotaMicros: undefined,
  pidsLimit: 9_000,
  oomKills: 0,
  pids: 30,
  processes: [100, 200, 201],
}

/** An ancestor without limits of its own. */
const OPEN: CgroupFacts = { ...SESSION, pidsLimit: undefined, processes: [] }

/** The files of one shape by path below the shape's folder. */
export function fixtureTree(shape: Shape): Tree {
  const tree: Tree = new Map()
  const session = '/user.slice/user-1000.slice/session-3.scope'
  const container = {
    v1: `/docker/${CONTAINER_ID}`,
    'v2-systemd': `/system.slice/docker-${CONTAINER_ID}.scope`,
    'v2-cgroupfs': `/docker/${CONTAINER_ID}`,
    'v2-no-psi-no-permission': `/system.slice/docker-${CONTAINER_ID}.scope`,
    // Seen from inside: our own group is the top, the user's session lies outside of it.
    'v2-namespaced': '/',
  }[shape]

  hostFiles(tree, shape)
  const outside = shape === 'v2-namespaced' ? `/../..${session}` : session
  for (const file of processFiles(tree, shape)) {
    const path = file.inContainer ? container : outside
    tree.set(`proc/${file.pid}/cgroup`, membership(shape, path, file.inContainer))
  }

  if (shape === 'v1') {
    groupV1(tree, '/', undefined)
    groupV1(tree, '/docker', OPEN)
    groupV1(tree, container, CONTAINER)
    groupV1(tree, session, SESSION)
    // The unified tree of a hybrid host knows only the engine's service: its stalls are not the container's.
    tree.set('cgroup/unified/system.slice/docker.service/memory.pressure', pressure(77_000_000, 66_000_000))
    return tree
  }
  if (shape === 'v2-namespaced') {
    groupV2(tree, '/', CONTAINER)
    // A container that runs a service manager keeps its processes in groups below its own.
    groupV2(tree, '/init.scope', { ...OPEN, processes: [302] })
    return tree
  }
  groupV2(tree, '/', undefined)
  // The engine's own group is tighter than the container's: the tightest of the line counts.
  const above = shape === 'v2-cgroupfs' ? { ...OPEN, limit: 256 * MIB, pidsLimit: 100 } : OPEN
  groupV2(tree, dirname(container), above)
  groupV2(tree, container, CONTAINER)
  for (let at = session; at !== '/'; at = dirname(at)) groupV2(tree, at, at === session ? SESSION : OPEN)
  if (shape === 'v2-no-psi-no-permission') {
    for (const path of [...tree.keys()]) {
      if (path.endsWith('memory.pressure') || path.endsWith('memory.peak')) tree.delete(path)
    }
    for (const name of ['memory.stat', 'io.stat']) tree.set(`cgroup${container}/${name}`, unreadable(name))
  }
  return tree
}

function membership(shape: Shape, path: string, inContainer: boolean): string {
  if (shape !== 'v1') return `0::${path}\n`
  // systemd on v1 makes groups per controller only where a unit asks for them.
  const cpu = inContainer ? path : '/user.slice'
  return (
    `8:freezer:${inContainer ? path : '/'}\n7:cpu,cpuacct:${cpu}\n6:blkio:${cpu}\n5:pids:${path}\n` +
    `4:memory:${path}\n1:name=systemd:${path}\n0::${inContainer ? '/system.slice/docker.service' : path}\n`
  )
}

function write(folder: string): void {
  for (const shape of SHAPES) {
    rmSync(join(folder, shape), { recursive: true, force: true })
    for (const [path, entry] of fixtureTree(shape)) {
      const file = join(folder, shape, path)
      mkdirSync(dirname(file), { recursive: true })
      if (typeof entry === 'string') writeFileSync(file, entry)
      else symlinkSync(entry.link, file)
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  write(fileURLToPath(new URL('../test/fixtures/trees', import.meta.url)))
}
