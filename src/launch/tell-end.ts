import type { AgentId, Incarnation } from '../agents/model.ts'
import type { DaemonLink } from './daemon-link.ts'
import type { Ended } from './outcome.ts'

/** Nobody but the parent knows how a process ended. What it is not told the daemon calls unknown. */
export async function tellEnd(
  { code, signal }: Ended,
  of: { readonly id: AgentId; readonly link: DaemonLink; readonly incarnation: Incarnation | undefined },
): Promise<void> {
  await of.link.ask({
    method: 'POST',
    path: `/api/v1/agents/${encodeURIComponent(of.id)}/exit`,
    body: {
      ...(signal === null ? { exitCode: code ?? 0 } : { signal }),
      ...(of.incarnation === undefined ? {} : { incarnation: of.incarnation }),
    },
  })
}
