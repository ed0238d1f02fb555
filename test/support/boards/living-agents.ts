import { type Child, startChild } from '../child.ts'
import { BIN, cleanEnvironment } from '../daemon.ts'
import type { Dockerd } from '../dockerd.ts'
import type { LivingDaemons } from './living-daemons.ts'

const MIB = 2 ** 20

/** Grows to this many MiB in steps of one, every so many seconds, and reads and writes a little. */
const growing = (mib: number, everyS: number) => `
  open(my $disk, '>', '/var/tmp/agent-exporter-living-' . $$) or die; unlink '/var/tmp/agent-exporter-living-' . $$;
  my @kept; my $n = 0;
  while (1) {
    push @kept, 'x' x ${MIB} if @kept < ${mib};
    $n++ for 1 .. 2e5;
    syswrite $disk, 'y' x 65536;
    select(undef, undef, undef, ${everyS});
  }`
const IDLE = 'while (1) { sleep 1 }'
/** Keeps 8 MiB, is busy beyond its limit of CPU, and what it writes goes to the disk. */
const BUSY = `x=0123456789abcdef; n=0; while [ $n -lt 19 ]; do x=$x$x; n=$((n+1)); done
  while :; do
    dd if=/dev/zero of=/file bs=65536 count=4 conv=fsync 2>/dev/null
    i=0; while [ $i -lt 9999 ]; do i=$((i+1)); done
  done`
/** A shell that keeps twice as much at every step, until the kernel ends it. */
const DOUBLING = 'x=0123456789abcdef; while :; do x=$x$x; usleep 100000; done'
/** Ends as by a bug, when it has lived for a while. */
const CRASHING = 'sleep 8; kill SEGV => $$; sleep 9'

/** The one id that two daemons and the hasty one know, each of another process. */
export const SHARED = 'planner'
/** As awkward as an id may be. */
export const AWKWARD = 'Coder.7:eu@west-1_b'
export const PAUSED = 'reviewer'
export const SPENT = 'spender'
export const BOXED = 'boxed.1'
/** Whose container is too small for it: it ends, and begins again. */
const TOO_SMALL = 'too-small'
/** Whose children are killed for memory; it goes on. */
const PARENT = 'parent'
export const TWIN = 'twin'
const CRASHER = 'crasher'
const ALL_WORDS = 'role \'of\' "all" \\ words + ü'

/** How many there are on all exporters; both containers of one id have a name of their own besides. */
export const AGENTS = 13

/** Real agents: processes of the host, containers, and one that only says that it is there. */
export async function startLivingAgents(daemons: LivingDaemons, dockerd: Dockerd): Promise<AsyncDisposable> {
  const { first, second, hasty } = daemons
  const children: Child[] = []
  const stop = async () => {
    await Promise.all(children.map((child) => child.stop('SIGKILL')))
  }

  async function run(script: string): Promise<number> {
    const child = await startChild('perl', ['-e', script], { env: cleanEnvironment() })
    children.push(child)
    return child.pid
  }
  async function register(daemon: LivingDaemons['first'], id: string, more: object): Promise<void> {
    const { status, body } = await daemon.call('POST', '/api/v1/agents', { id, ...more })
    if (status >= 300) throw new Error(`${id} is not registered: ${JSON.stringify(body)}`)
  }

  try {
    const labels = (id: string) => ({
      'agent-exporter.agent': id,
      'agent-exporter.role': 'worker',
      'agent-exporter.workspace': '/srv/box',
      'agent-exporter.enforce': 'true',
    })
    const enough = { maxTokensConsumed: 1e9, maxApiCalls: 1e6 }
    await Promise.all([
      register(first, SHARED, {
        ...{ role: 'worker', workspace: '/srv/one', budget: enough },
        runtime: { pid: await run(growing(70, 0.2)) },
      }),
      register(second, SHARED, { role: 'worker', runtime: { pid: await run(IDLE) }, budget: enough }),
      register(hasty, SHARED, { role: 'worker', runtime: { pid: await run(growing(1_200, 0.07)) } }),
      register(first, AWKWARD, {
        ...{ role: ALL_WORDS, workspace: `/srv/it's "quoted" \\ here` },
        runtime: { pid: await run(growing(110, 0.1)) },
        budget: { ...enough, maxFilesAccessed: 1_000, maxSubtasksSpawned: 20, maxCostUsd: 100 },
      }),
      register(second, PAUSED, {
        ...{ role: 'reviewer', runtime: { pid: await run(IDLE) } },
        budget: { ...enough, maxTimeWithoutDeliverableMs: 20_000 },
      }),
      ...[first, second].map(async (daemon) =>
        register(daemon, SPENT, {
          ...{ role: 'worker', runtime: { pid: await run(IDLE) } },
          budget: { maxTokensConsumed: 5_000, maxApiCalls: 1_000 },
        }),
      ),
      register(second, 'remote', { role: 'reviewer', budget: { maxWallClockMs: 90_000 }, enforce: false }),
      // Whoever starts an agent with `run` knows how it ended.
      startChild(
        process.execPath,
        [BIN, 'run', '--id', CRASHER, '--role', 'worker', '--', 'perl', '-e', CRASHING],
        {
          env: {
            ...cleanEnvironment(),
            AGENT_EXPORTER_URL: first.url,
            AGENT_EXPORTER_DATA_DIR: first.dataDir,
          },
        },
      ).then((child) => children.push(child)),
      dockerd.runContainer({
        ...{ labels: labels(BOXED), memory: 64 * MIB, cpus: 0.2, pidsLimit: 20, script: BUSY },
      }),
      dockerd.runContainer({
        ...{ labels: labels(TOO_SMALL), memory: 24 * MIB, cpus: 0.5, pidsLimit: 50, restarts: 50 },
        script: `sleep 3; ${DOUBLING}`,
      }),
      dockerd.runContainer({
        ...{ labels: labels(PARENT), memory: 24 * MIB, cpus: 0.5 },
        script: `while :; do sleep 3; sh -c '${DOUBLING}'; done`,
      }),
      // Two lives that claim one id: measured, never acted on.
      ...[1, 2].map(() => dockerd.runContainer({ labels: labels(TWIN) })),
    ])
    return { [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}
