import type { World } from './world.ts'

/** One thing that happens to the host or to the daemon. Whatever follows from it at once has followed. */
export type Letter = keyof typeof LETTERS

/** Two of these are past the time of an unanswered intervention and of an approval. */
const TICK_MS = 160_000

const LETTERS = {
  /** Eight of ten files: over the warning. */
  warn: (world: World, id: string) => world.use(id, 8),
  /** As many as the limit allows: reached is exceeded. */
  over: (world: World, id: string) => world.use(id, 10),
  tick: (world: World) => world.pass(TICK_MS),
  deliver: (world: World, id: string) => world.deliver(id),
  pause: (world: World, id: string) =>
    world.request(id, { action: 'pause', trigger: 'human', hold: 'human' }),
  resume: (world: World, id: string) =>
    world.request(id, { action: 'resume', trigger: 'human', hold: 'human' }),
  terminate: (world: World, id: string) =>
    world.request(id, { action: 'terminate', trigger: 'human', hold: 'human' }),
  alertPause: (world: World, id: string) =>
    world.request(id, { action: 'pause', trigger: 'alert', hold: 'alert:1' }),
  alertResume: (world: World, id: string) =>
    world.request(id, { action: 'resume', trigger: 'alert', hold: 'alert:1' }),
  again: (world: World) => world.again(),
  retell: (world: World) => world.retell(),
  approve: (world: World, id: string) => decide(world, id, 'approve'),
  reject: (world: World, id: string) => decide(world, id, 'reject'),
  killSwitch: (world: World) => {
    world.killSwitch = !world.killSwitch
  },
  crash: (world: World) => world.crash(),
  /** The daemon is away for a minute. */
  outage: (world: World) => world.crash(60_000),
  restart: (world: World) => world.restart(),
  die: (world: World, id: string) => world.die(id),
  look: (world: World) => world.look(),
  /** The same id, another life. */
  reborn: async (world: World, id: string) => {
    world.die(id)
    world.look()
    await world.quiet()
    await world.birth(id)
  },
  half: (world: World) => {
    const call = world.run.calls[0]
    if (call?.verb === 'pause' && call.begun === 'no') call.half()
  },
  begins: (world: World) => world.run.calls.find(({ begun }) => begun !== 'yes')?.begin(),
  ends: (world: World) => world.run.calls[0]?.end(),
  wait: (world: World, id: string) => world.wait(id),
  hangUp: (world: World, id: string) => world.hangUp(id),
  slowDisk: (world: World) => world.disk.setPace('slow'),
  fastDisk: (world: World) => world.disk.setPace('fast'),
  diskTakes: (world: World) => world.disk.take(),
} as const

export const ALL_LETTERS = Object.keys(LETTERS) as readonly Letter[]

function decide(world: World, id: string, how: 'approve' | 'reject'): void {
  const waiting = world.entries().find(({ agent, status }) => agent === id && status === 'pending_approval')
  if (waiting === undefined) return
  // Another may have been faster, or it has expired: the caller is told so.
  world.run.desk[how](waiting.id, 'somebody').catch(() => {})
}

/** Lets it happen; false when it would change nothing, so that what follows was seen without it. */
export function applies(letter: Letter, world: World, id: string): boolean {
  const { run, disk } = world
  switch (letter) {
    case 'half':
      return run.calls[0]?.verb === 'pause' && run.calls[0].begun === 'no'
    case 'begins':
      return run.calls.some(({ begun }) => begun !== 'yes')
    case 'ends':
      return run.calls.length > 0
    case 'retell':
      return world.told.some(({ name }) => name === 'agent.resumed')
    case 'approve':
    case 'reject':
      return world.entries().some(({ agent, status }) => agent === id && status === 'pending_approval')
    case 'die':
      return world.runtime.stateOf(world.hosted.get(id)!.incarnation) !== 'gone'
    case 'look':
      return [...run.registry.values()].some(
        ({ incarnation, endedAtMs }) =>
          endedAtMs === undefined && world.runtime.stateOf(incarnation) === 'gone',
      )
    case 'wait':
      return world.waiting.filter(({ outcomes, cut }) => outcomes.length === 0 && !cut).length < 2
    case 'hangUp':
      return world.waiting.some(({ agent, outcomes, cut }) => agent === id && outcomes.length === 0 && !cut)
    case 'slowDisk':
      return !disk.isSlow()
    case 'fastDisk':
      return disk.isSlow()
    case 'diskTakes':
      return disk.waiting() > 0
    default:
      return true
  }
}

export async function play(letter: Letter, world: World, id: string): Promise<void> {
  await LETTERS[letter](world, id)
  await world.quiet()
}
