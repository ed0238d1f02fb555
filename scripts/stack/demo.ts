import { join } from 'node:path'
import { ROOT } from './options.ts'
import type { PartPlan } from './part.ts'

const AGENTS = ['demo-steady', 'demo-growing', 'demo-busy'] as const

/** Three small agents of this machine, which are measured, and the simulated fleet of other machines, which reports. */
export function planDemo(exporter: string, ingestToken: string): readonly PartPlan[] {
  const url = `http://${exporter}`
  return [
    ...AGENTS.map((agent) => ({
      name: agent,
      file: process.execPath,
      args: [join(ROOT, 'test/simulator/demo-agent.ts'), url, agent],
      env: { ...process.env, AGENT_EXPORTER_AGENT: agent, AGENT_EXPORTER_ROLE: 'demo' },
      ready: undefined,
    })),
    {
      name: 'simulator',
      file: process.execPath,
      args: [join(ROOT, 'test/simulator/simulate.ts'), '--url', url, '--token-file', ingestToken],
      env: process.env,
      ready: undefined,
    },
  ]
}
