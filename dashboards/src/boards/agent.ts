import type { Board } from '../board.ts'
import { BUDGET } from './agent-budget.ts'
import { FACTS, STORY } from './agent-facts.ts'
import { MEMORY } from './agent-memory.ts'
import { RESOURCES } from './agent-resources.ts'
import { USE } from './agent-use.ts'

/** One agent: what is with it, since when, and what will be. */
export const agent: Board = {
  name: 'agent',
  title: 'AI agents: Agent',
  description:
    'What is with this agent, since when, and what will be? Choose it above, or come from a table. To pause, resume or end it, and to read what was done to it and how it crashed: its control page, which the name in the table of facts opens. (Counters of actions, ends and crashes are of all agents; here are its pauses, restarts, last crash and the alerts about it.)',
  choice: 'agent',
  from: 'now-3h',
  rows: [
    { panels: [...FACTS, ...STORY] },
    { title: 'Memory', panels: MEMORY },
    { title: 'Budget', panels: BUDGET },
    { title: 'Use', panels: USE },
    { title: 'CPU, processes and I/O', collapsed: true, panels: RESOURCES },
  ],
}
