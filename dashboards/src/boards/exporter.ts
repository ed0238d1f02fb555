import type { Board } from '../board.ts'
import { HEALTH } from './exporter-health.ts'
import { PROCESS } from './exporter-process.ts'
import { STORE } from './exporter-store.ts'

/** Can the numbers be trusted, and what do they cost? */
export const exporter: Board = {
  name: 'exporter',
  title: 'AI agents: Exporter',
  description: 'Can the numbers of the exporters be trusted, and what do they cost?',
  choice: 'targets',
  from: 'now-3h',
  rows: [
    { panels: HEALTH },
    { title: 'Store', panels: STORE },
    { title: 'The process itself', collapsed: true, panels: PROCESS },
  ],
}
