import type { AskedCall, FakeAnswer } from './fake-api.ts'

/** What nobody wants on a terminal: escape sequences, overrides, marks, wide and invisible characters. */
export const HOSTILE =
  '\u001b]0;owned\u0007\u001b[2J日本語のエージェント 👩‍👩‍👧 \u202egnp.exe\u200b e\u0301\u0301 \r\nnext\u0000 done\u009b2J'
const MIB = 2 ** 20

const measured = (name: string, more: object) => ({
  ...{ name, pid: 4_711, status: 'running', rssBytes: 312 * MIB, heapUsedBytes: null, cpuPercent: 12.4 },
  ...{ trend: 'stable', trendRatePerMinute: 120_000, alertLevel: 'normal', highWatermark: 400 * MIB },
  ...{ lowWatermark: 80 * MIB, averageRss: 300 * MIB, limitBytes: null, timeToLimitSeconds: null },
  ...{ uptimeMs: 3_723_000, startedAt: '2026-01-31T10:57:57.000Z', runtime: 'process', host: null },
  ...more,
})

const METRICS = {
  agents: [
    measured('claude-3f2a9c01', {}),
    measured('coder@build-7.example', {
      ...{ rssBytes: 950 * MIB, limitBytes: 1_024 * MIB, trend: 'growing', trendRatePerMinute: 6.4 * MIB },
      ...{ alertLevel: 'critical', timeToLimitSeconds: { low: 640, mid: 700 }, cpuPercent: 143 },
    }),
    measured('about-to-be-killed', {
      ...{ rssBytes: 1_010 * MIB, limitBytes: 1_024 * MIB, alertLevel: 'oom_imminent', trend: 'growing' },
      ...{ trendRatePerMinute: 90 * MIB, timeToLimitSeconds: { low: 9, mid: 12 } },
    }),
    measured('unknown', {
      ...{ pid: null, status: 'unknown', rssBytes: null, cpuPercent: null, trend: null },
      ...{ trendRatePerMinute: null, alertLevel: null, uptimeMs: null },
    }),
    measured(HOSTILE, { host: 'other-host', alertLevel: 'warning', status: HOSTILE }),
  ],
  system: {
    ...{ totalMemory: 16 * 1_024 * MIB, freeMemory: 1_024 * MIB, availableMemory: 6_500 * MIB },
    ...{ heapUsed: 40 * MIB, totalAgents: 5, topMemoryConsumers: [] },
    agentsByAlertLevel: { normal: 1, warning: 1, critical: 1, oom_imminent: 1 },
  },
}

const HISTORY = {
  agentName: 'claude-3f2a9c01',
  metrics: Array.from({ length: 60 }, (_, i) => ({
    rssBytes: i === 30 ? null : (100 + Math.round(100 * Math.sin(i / 6) ** 2)) * MIB,
    recordedAt: new Date(Date.UTC(2026, 0, 31, 12) - i * 60_000).toISOString(),
  })),
  stats: {},
}

const crash = (id: string, more: object) => ({
  ...{ id, agentName: 'claude-3f2a9c01', pid: 4_711, exitCode: null, signal: 'SIGKILL', cause: 'oom_cgroup' },
  ...{ confidence: 'high', summary: 'The kernel killed it: its control group was out of memory (1.0 GiB).' },
  ...{
    evidence: [{ source: 'cgroup', says: 'one OOM kill within two seconds before the end' }],
    occurrences: 1,
  },
  ...{
    recommendations: ['Give it more memory, or find out what it keeps.'],
    crashedAt: '2026-01-31T11:59:03.123Z',
  },
  ...{
    peakMemory: 1_020 * MIB,
    lastKnownMemory: 1_018 * MIB,
    memoryLimit: 1_024 * MIB,
    memoryTrend: 'growing',
  },
  ...{ runtime: 'container', role: 'coder' },
  ...more,
})

const CRASHES = [
  crash('7c1e0b52-93f4-4c5e-8a11-0c9f3b6f2a01', {}),
  crash('e04b7a9d-1f6c-4d27-b3f0-5a8d2c417e02', {
    ...{ agentName: HOSTILE, cause: 'error', confidence: 'low', signal: null, exitCode: 1, summary: HOSTILE },
    ...{
      occurrences: 12,
      evidence: [{ source: 'output', says: HOSTILE }],
      recommendations: [HOSTILE],
      lastOutput: `${HOSTILE}\n${'x'.repeat(300)}`,
    },
    ...{ role: HOSTILE, peakMemory: null, lastKnownMemory: null, memoryLimit: null, memoryTrend: null },
  }),
]

/** Found by its id alone: more than a line of 80 columns holds. */
const TALKATIVE = crash('b52d0c1e-8f37-4e69-9a40-6d1b7e3c5f03', {
  summary:
    'Probably the kernel killed it for want of memory: SIGKILL at 1018 MiB of 1.0 GiB while the memory of its control group was growing, and nobody here sent it.',
  evidence: [
    { source: 'signal', says: 'ended by SIGKILL, and neither this daemon nor anybody it knows of sent one' },
    {
      source: 'memory',
      says: 'resident memory was 99 % of the limit in the last sample, 2.1 s before the end, and grew by 6.4 MiB a minute',
    },
  ],
  recommendations: [
    'Give it a limit that leaves room for its working set and for the peaks of its children, 1.5 GiB at least, or end sessions earlier.',
  ],
  relatedCrashes: CRASHES.map(({ id }) => id),
})

const alert = (id: string, more: object) => ({
  ...{ id, agentName: 'coder@build-7.example', alertType: 'critical', currentRss: 950 * MIB },
  ...{ threshold: 922 * MIB, message: 'Memory is critical: resident memory 950 MiB of 1.0 GiB (93 %).' },
  ...{ recommendation: 'Save its work.', acknowledged: false, acknowledgedAt: null },
  ...{ createdAt: '2026-01-31T11:58:00.000Z', daemonId: 'host' },
  ...more,
})

const ALERTS = {
  alerts: [
    alert('1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed', {}),
    alert('9f8a4c3e-6d2b-4e1f-8c7d-2a1b0c9d8e7f', {
      alertType: 'oom_imminent',
      agentName: 'about-to-be-killed',
    }),
    alert('5e2f1a7c-0b3d-4c6e-9a8b-7d6c5b4a3f2e', {
      message: HOSTILE,
      agentName: HOSTILE,
      acknowledged: true,
    }),
  ],
  unacknowledgedCount: 7,
}

const HEALTH = {
  healthScore: 42,
  summary: 'Critical: 2 crashes in 24 hours, 5 in 7 days; 2 agents near their memory limit.',
  issues: [
    { severity: 'critical', message: '1 agent about to run out of memory.', recommendation: '' },
    { severity: 'high', message: '1 agent with critical memory.', recommendation: '' },
    { severity: 'medium', message: HOSTILE, recommendation: '' },
    { severity: 'low', message: 'One crash of unknown cause.', recommendation: '' },
  ],
  recommendations: ['Resize or end them now.', HOSTILE, 'y'.repeat(300)],
  crashes: CRASHES,
  alerts: ALERTS.alerts,
  stats: { totalCrashes24h: 2, totalAlerts24h: 9, agentCount: 5 },
}

const agent = (id: string, metrics: object, more: object) => ({
  ...{ id, runtime: 'process', vendor: 'claude', role: 'coder' },
  state: { lifecycleState: 'running', lifecycleMetrics: { processes: 3, ...metrics } },
  ...more,
})

const AGENTS = {
  items: [
    agent('claude-3f2a9c01', { rssBytes: 312 * MIB }, { memory: { level: 'healthy', trend: 'stable' } }),
    agent(
      'coder@build-7.example',
      { workingSetBytes: 950 * MIB, memoryLimitBytes: 1_024 * MIB },
      {
        ...{ phase: 'intervention', ratios: { tokens: 1.04 }, pausedAt: '2026-01-31T11:00:00.000Z' },
        memory: { level: 'critical', trend: 'growing' },
      },
    ),
    agent('near', {}, { phase: 'warning', ratios: { api_calls: 0.85 }, role: HOSTILE, vendor: HOSTILE }),
  ],
  nextCursor: null,
}

const ACTIONS = {
  items: [
    {
      ...{ id: 'act-1', at: '2026-01-31T11:00:00.000Z', agent: 'coder@build-7.example', action: 'pause' },
      ...{ trigger: 'budget', actor: 'budget', status: 'done', rung: 'sigstop', durationMs: 83.2, count: 1 },
      reason: 'tokens: 104000 of 100000 used',
    },
    {
      ...{
        id: 'act-2',
        at: '2026-01-31T11:01:00.000Z',
        agent: 'near',
        action: 'terminate',
        trigger: 'human',
      },
      ...{ actor: 'somebody', status: 'refused', refusal: 'kill_switch', count: 3, reason: HOSTILE },
    },
  ],
  nextCursor: null,
}

/** A busy afternoon, as the daemon would answer. */
export function monitoringAnswer({ method, path }: AskedCall): FakeAnswer | undefined {
  if (method !== 'GET') return { body: { success: true } }
  const [route = ''] = path.split('?')
  const answers: Readonly<Record<string, unknown>> = {
    '/api/metrics/agents': METRICS,
    '/api/metrics/health': HEALTH,
    '/api/monitoring/crashes': { crashes: CRASHES, stats: { total: 2 } },
    '/api/monitoring/alerts': ALERTS,
    '/api/v1/agents': AGENTS,
    '/api/v1/actions': ACTIONS,
  }
  if (Object.hasOwn(answers, route)) return { body: answers[route] }
  if (/^\/api\/monitoring\/agents\/claude-3f2a9c01\/metrics$/.test(route)) return { body: HISTORY }
  const one = [...CRASHES, TALKATIVE].find(({ id }) => route === `/api/monitoring/crashes/${id}`)
  return one && { body: { crash: { lastOutput: 'last words\n', relatedCrashes: [CRASHES[0]!.id], ...one } } }
}
