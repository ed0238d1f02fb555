import { type TObject, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { nearest } from '../platform/nearest.ts'
import { alertmanagerIssues } from './alertmanager-section.ts'
import { BUILTIN_PROFILES } from './exhaustion-section.ts'
import { ConfigError, type ConfigIssue } from './issue.ts'
import { type Config, ConfigSchema } from './schema.ts'

/**
 * Turns a parsed document into the configuration: defaults filled in, every value checked.
 * @throws ConfigError with all issues at once; an unknown key names the key that was probably meant.
 */
export function decodeConfig(source: string, document: unknown, known: readonly ConfigIssue[] = []): Config {
  const issues: ConfigIssue[] = [...known]
  const input = document ?? {}
  if (typeof input !== 'object' || Array.isArray(input)) {
    throw new ConfigError(source, [...issues, { path: '', message: 'must be a mapping of sections' }])
  }
  // A section that is named but left empty (`agents:`) is null in YAML and means its defaults.
  const complete = Value.Default(ConfigSchema, dropNulls(structuredClone(input)))
  for (const error of Value.Errors(ConfigSchema, complete)) {
    const issue = describe(error.keyword, error.instancePath, error.message)
    if (issue !== undefined && !issues.some(({ path }) => path === issue.path)) issues.push(issue)
  }
  if (issues.length > 0) throw new ConfigError(source, issues)
  const config = withBuiltins(Value.Decode(ConfigSchema, complete) as Config)
  const crossIssues = crossChecks(config)
  if (crossIssues.length > 0) throw new ConfigError(source, crossIssues)
  return config
}

function dropNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null)
      .map(([key, child]) => [key, dropNulls(child)]),
  )
}

function describe(keyword: string, pointer: string, message: string): ConfigIssue | undefined {
  const keys = pointer.split('/').slice(1)
  const path = keys.reduce(
    (text, key) => (/^\d+$/.test(key) ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
    '',
  )
  // The validator tells an unknown key twice: at the key ("schema is false") and at its parent.
  if (keyword === 'additionalProperties') return undefined
  if (keyword === 'boolean') {
    const siblings = Object.keys(properties(schemaAt(keys.slice(0, -1))))
    const meant = nearest(keys.at(-1) ?? '', siblings)
    return {
      path,
      message: `unknown key${meant === undefined ? `; known here: ${siblings.join(', ')}` : `, did you mean ${meant}?`}`,
    }
  }
  const hint = hintOf(schemaAt(keys))
  return { path, message: hint === undefined ? message : `must be ${hint}` }
}

function properties(schema: TSchema | undefined): Record<string, TSchema> {
  return schema !== undefined && Type.IsObject(schema) ? (schema as TObject).properties : {}
}

function schemaAt(keys: readonly string[]): TSchema | undefined {
  let schema: TSchema | undefined = ConfigSchema
  for (const key of keys) {
    if (schema === undefined) return undefined
    if (Type.IsArray(schema)) schema = schema.items
    else if (Type.IsRecord(schema)) schema = Object.values(schema.patternProperties)[0]
    else schema = properties(schema)[key]
  }
  return schema
}

function hintOf(schema: TSchema | undefined): string | undefined {
  if (schema === undefined) return undefined
  const hint = (schema as { 'x-hint'?: string })['x-hint']
  if (hint !== undefined) return hint
  if (!Type.IsUnion(schema)) return undefined
  return `one of ${schema.anyOf.map((option) => (option as { const?: string }).const).join(', ')}`
}

/** A profile that somebody writes under a built-in name replaces that one only. */
function withBuiltins(config: Config): Config {
  const { resourceExhaustion: section } = config
  const profiles = { ...BUILTIN_PROFILES, ...section.profiles } as unknown as typeof section.profiles
  return { ...config, resourceExhaustion: { ...section, profiles } }
}

/** What a schema cannot say: relations between keys. */
function crossChecks(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = alertmanagerIssues(config.alertmanager)
  if (config.sampling.interval < MIN_INTERVAL_MS) {
    issues.push({ path: 'sampling.interval', message: `must be at least ${MIN_INTERVAL_MS}ms` })
  }
  for (const [path, value] of shortest(config)) {
    if (value !== undefined && value < MIN_MS) issues.push({ path, message: `must be at least ${MIN_MS}ms` })
  }
  if (config.sampling.nearLimitInterval < MIN_NEAR_LIMIT_MS) {
    issues.push({ path: 'sampling.nearLimitInterval', message: `must be at least ${MIN_NEAR_LIMIT_MS}ms` })
  }
  const { thresholds, limitRatios, actions } = config.memory
  for (const [path, { warning, critical, oomImminent }] of [
    ['memory.limitRatios', limitRatios],
    [
      'memory.thresholds',
      {
        warning: thresholds.warningBytes,
        critical: thresholds.criticalBytes,
        oomImminent: thresholds.oomImminentBytes,
      },
    ],
  ] as const) {
    if (warning < critical && critical < oomImminent) continue
    issues.push({ path, message: 'must rise from warning to critical to oomImminent' })
  }
  if ([actions.critical, actions.oomImminent].includes('resize') && actions.maxMemoryBytes === undefined) {
    const message = 'must be given where an action is resize: without it a leak would take the whole host'
    issues.push({ path: 'memory.actions.maxMemoryBytes', message })
  }
  const { profiles, roles } = config.resourceExhaustion
  for (const [role, profile] of Object.entries(roles)) {
    if (profiles[profile] !== undefined) continue
    issues.push({ path: `resourceExhaustion.roles.${role}`, message: `there is no profile ${profile}` })
  }
  const names = new Set<string>()
  for (const [index, token] of config.auth.tokens.entries()) {
    const path = `auth.tokens[${index}]`
    if ((token.hashSha256 === undefined) === (token.file === undefined)) {
      issues.push({ path, message: 'needs either hashSha256 or file' })
    }
    if (names.has(token.name)) issues.push({ path, message: `the name ${token.name} is used twice` })
    names.add(token.name)
  }
  return issues
}

/** Times of budgets: shorter ones would be over before they are judged. */
const MIN_MS = 100

function shortest({ resourceExhaustion }: Config): (readonly [string, number | undefined])[] {
  const { checkIntervalMs, terminateAfterMs, thresholds, profiles } = resourceExhaustion
  const sets: [string, typeof thresholds][] = [
    ['thresholds', thresholds],
    ...Object.entries(profiles).map(
      ([name, set]) => [`profiles.${name}`, set] as [string, typeof thresholds],
    ),
  ]
  return [
    ['resourceExhaustion.checkIntervalMs', checkIntervalMs],
    ['resourceExhaustion.terminateAfterMs', terminateAfterMs],
    ...sets.flatMap(([where, set]) => [
      [`resourceExhaustion.${where}.maxTimeWithoutDeliverableMs`, set.maxTimeWithoutDeliverableMs] as const,
      [`resourceExhaustion.${where}.maxWallClockMs`, set.maxWallClockMs] as const,
    ]),
  ]
}

/** A shorter interval would spend more CPU on looking than the budget of one percent allows. */
const MIN_INTERVAL_MS = 100
/** One agent alone is looked at; its two files cost some ten microseconds. */
const MIN_NEAR_LIMIT_MS = 20
