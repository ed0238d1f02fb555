import { type StaticDecode, Type } from 'typebox'
import { alertmanagerProperties } from './alertmanager-section.ts'
import { controlProperties } from './control-section.ts'
import { exhaustionProperties } from './exhaustion-section.ts'
import {
  alertCooldown,
  memoryActions,
  memoryLimitRatios,
  memoryThresholds,
  memoryTrend,
} from './memory-section.ts'
import { duration } from './quantity.ts'

/** Names of programs that are AI agents; the basename of argv[0] or of the interpreted script is compared. */
const AGENT_COMMANDS = [
  'claude',
  'codex',
  'gemini',
  'aider',
  'goose',
  'opencode',
  'copilot',
  'cursor-agent',
  'openhands',
]

/** A section: unknown keys are refused, and a missing section is its defaults. */
function section<P extends Record<string, Type.TSchema>>(description: string, properties: P) {
  return Type.Object(properties, { additionalProperties: false, default: {}, description })
}

const scope = Type.Union([
  Type.Literal('metrics'),
  Type.Literal('read'),
  Type.Literal('ingest'),
  Type.Literal('control'),
  Type.Literal('admin'),
])

/** Control is never anonymous: an agent runs on this host and would resume itself. */
const anonymousScopes = (fallback: ('metrics' | 'read' | 'ingest')[], description: string) =>
  Type.Array(
    Type.Union([Type.Literal('metrics'), Type.Literal('read'), Type.Literal('ingest')], {
      'x-hint': 'one of metrics, read, ingest (control and admin are never anonymous)',
    }),
    { uniqueItems: true, default: fallback, description },
  )

const token = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: 'Who uses it; shown in the journal.' }),
    hashSha256: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{64}$',
        description: 'SHA-256 of the token in hex.',
        'x-hint': '64 lower-case hex digits (printf %s TOKEN | sha256sum)',
      }),
    ),
    file: Type.Optional(Type.String({ minLength: 1, description: 'File that holds the token itself.' })),
    scopes: Type.Array(scope, { minItems: 1, uniqueItems: true }),
    agents: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { description: 'Globs of agent ids this token may touch.' }),
    ),
  },
  { additionalProperties: false },
)

/** The whole configuration as a person writes it. Every key is optional. */
export const ConfigSchema = Type.Object(
  {
    agents: section('Which agents are found and how they are shown.', {
      discovery: section('How agents are found without being registered.', {
        processes: Type.Boolean({ default: true, description: 'Look at the processes of this host.' }),
        containers: Type.Boolean({
          default: true,
          description: 'Look at the containers of the Docker engine.',
        }),
        commands: Type.Array(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }), {
          uniqueItems: true,
          default: AGENT_COMMANDS,
          description: 'A process is an agent if the basename of argv[0] or of its script is one of these.',
          'x-hint': 'a list of program names without a path',
        }),
      }),
      retention: duration(
        '5m',
        'After the end of an agent its info, state, counters and timestamps stay this long.',
      ),
      maxSeries: Type.Integer({
        default: 200_000,
        minimum: 1_000,
        description: 'Above it whole newest agents are left out of /metrics.',
      }),
      perAgentMetrics: Type.Union([Type.Literal('full'), Type.Literal('core')], {
        default: 'full',
        description: 'core leaves out I/O, context switches, throttling and pressure of single agents.',
      }),
      exposePaths: Type.Boolean({
        default: false,
        description: 'The workspace label is a basename unless true.',
      }),
    }),
    sampling: section('How often agents are measured.', {
      interval: duration('1s', 'Time between two samples of every agent.'),
      nearLimitInterval: duration(
        '100ms',
        'Least time between two looks at an agent whose memory is nearly full.',
      ),
    }),
    resourceExhaustion: section('Budgets of agents and what happens at their limits.', exhaustionProperties),
    control: section('When and how the exporter acts on agents.', controlProperties),
    alertmanager: section('Which alerts of Alertmanager are followed, and how.', alertmanagerProperties),
    memory: section('When the memory of an agent is too much.', {
      thresholds: section('Bytes, for agents without a limit of their own.', memoryThresholds),
      limitRatios: section('Shares of the tightest limit, for agents that have one.', memoryLimitRatios),
      trend: section('Where memory is going.', memoryTrend),
      actions: section('What is done about agents whose memory is nearly full.', memoryActions),
      alertCooldown,
    }),
    crashes: section('What is kept of crashes.', {
      retain: Type.Integer({
        default: 1_000,
        minimum: 10,
        maximum: 100_000,
        description: 'Crashes that are kept.',
      }),
      outputTail: Type.Integer({
        default: 2_000,
        minimum: 0,
        maximum: 16_000,
        description: 'Characters of the last output that are kept, without secrets.',
      }),
    }),
    ui: section('The control page.', {
      grafanaUrl: Type.Optional(
        Type.String({
          pattern: '^https?://[^\\s?#]+$',
          maxLength: 512,
          description: 'Where Grafana is, for links from agents to their boards.',
          'x-hint': 'an address such as https://grafana.example.org',
        }),
      ),
    }),
    store: section('Where state is kept.', {
      url: Type.String({
        default: 'sqlite',
        pattern: '^(sqlite|sqlite:.+|postgres(ql)?://.+)$',
        description: 'sqlite, sqlite:<path> or postgres://…',
        'x-hint': 'sqlite, sqlite:<path> or postgres://user:password@host/database',
      }),
      passwordFile: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'File with the password for a PostgreSQL whose address has none; read at the start.',
        }),
      ),
    }),
    auth: section('Who may do what over HTTP.', {
      tokens: Type.Array(token, { default: [], description: 'Bearer tokens.' }),
      anonymous: section('Scopes without a token.', {
        loopback: anonymousScopes(['metrics', 'read', 'ingest'], 'Callers from this host.'),
        remote: anonymousScopes(['metrics'], 'Callers from elsewhere.'),
      }),
      allowedHosts: Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'Host names this daemon is reached by, beyond loopback names and the listen address.',
      }),
      allowedOrigins: Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'Origins of web pages that may call the API.',
      }),
    }),
  },
  { additionalProperties: false, default: {} },
)

/** The configuration in force: defaults filled in, durations in milliseconds. */
export type Config = StaticDecode<typeof ConfigSchema>

/** Keys that take effect only at a restart; a reload that changes them says so and leaves them as they are. */
export const RESTART_KEYS: readonly string[] = [
  'store',
  'agents.discovery',
  'sampling',
  'control.lock',
  'control.killSwitchFile',
]
