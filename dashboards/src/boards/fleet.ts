import type { Board } from '../board.ts'
import { CHIPS } from './fleet-chips.ts'
import { CONSUMERS } from './fleet-consumers.ts'
import { HISTORY } from './fleet-history.ts'
import { HOSTS } from './fleet-hosts.ts'
import { EVERY_AGENT, TROUBLE } from './fleet-tables.ts'

/** Is anything wrong, what costs most, who needs me? The first screen answers; the rows below say since when. */
export const fleet: Board = {
  name: 'fleet',
  title: 'AI agents: Fleet',
  description:
    'Is anything wrong, what costs most, who needs me? Needs Prometheus scraping agent-exporter, and in the data source "Scrape interval" equal to that of the scrape. Alerts show when the rules of agent-exporter are loaded.',
  choice: 'targets',
  from: 'now-6h',
  rows: [
    { panels: [...CHIPS, ...TROUBLE, ...CONSUMERS] },
    { title: 'Over time', panels: HISTORY },
    { title: 'Every agent', panels: EVERY_AGENT },
    { title: 'Hosts', collapsed: true, panels: HOSTS },
  ],
}
