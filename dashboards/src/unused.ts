import { CATALOGUE } from './catalogue.ts'

type Families = typeof CATALOGUE

const V8 =
  'detail of V8 for whoever looks for a leak of the exporter; the boards show its heap in use and its memory'

/** Families that neither a board nor a rule asks for, and why they are exported all the same. */
export const UNUSED: { readonly [N in keyof Families]?: string } = {
  agent_host_info:
    'facts of a host for a single look and for joins of your own; nothing to watch changes in it',
  nodejs_active_resources: V8,
  nodejs_eventloop_lag_seconds: 'the usual name of it; boards and rules use agent_exporter_loop_lag_seconds',
  nodejs_heap_size_total_bytes: V8,
  nodejs_heap_space_size_available_bytes: V8,
  nodejs_heap_space_size_total_bytes: V8,
  nodejs_heap_space_size_used_bytes: V8,
  nodejs_version_info: 'the usual name of it; boards use the label nodeversion of agent_exporter_build_info',
  process_cpu_seconds_total: 'the sum of the user and the system time that the boards show one by one',
  process_heap_bytes: 'the usual name of it; boards show the resident memory and the heap of V8',
  process_virtual_memory_bytes: 'reserved addresses, of which Node takes many and uses few',
}

/** Labels that no board asks for, of families that boards show. */
export const UNUSED_LABELS: {
  readonly [N in keyof Families]?: { readonly [L in Families[N]['labels'][number]]?: string }
} = {
  agent_actions_pending: { action: 'whoever waits for a person is one number; the control page lists them' },
  agent_crashes_total: { role: 'boards ask why agents died; ask by role when one of your roles stands out' },
  agent_exits_total: { role: 'boards ask how agents ended; ask by role when one of your roles stands out' },
  agent_exporter_samples_refused_total: {
    reason: 'any refused sample is a fault; the log says which and why',
  },
}

/** `dashboards/unused.md`: what is exported and not looked at. */
export function unusedDocument(): string {
  const families = Object.entries(UNUSED).map(([name, reason]) => [`\`${name}\``, reason])
  const labels = Object.entries(UNUSED_LABELS).flatMap(([name, reasons]) =>
    Object.entries(reasons).map(([label, reason]) => [`\`${name}\``, `\`${label}\``, reason]),
  )
  return [
    '# Exported, and not looked at',
    '',
    'Written by `npm run dashboards`; the tests hold both lists to be exact.',
    '',
    `Of ${Object.keys(CATALOGUE).length} families, those that neither a dashboard nor a rule asks for:`,
    '',
    ...tableOf(['family', 'why it is exported all the same'], families),
    '',
    'Of all others, the labels that no dashboard asks for:',
    '',
    ...tableOf(['family', 'label', 'why it is there'], labels),
    '',
  ].join('\n')
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}
