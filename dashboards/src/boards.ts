import type { Board } from './board.ts'
import { agent } from './boards/agent.ts'
import { budgets } from './boards/budgets.ts'
import { containers } from './boards/containers.ts'
import { control } from './boards/control.ts'
import { exporter } from './boards/exporter.ts'
import { fleet } from './boards/fleet.ts'
import { memory } from './boards/memory.ts'
import { usage } from './boards/usage.ts'

/** All boards; a new one is added here. */
export const BOARDS: readonly Board[] = [fleet, agent, budgets, memory, containers, control, usage, exporter]
