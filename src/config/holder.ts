import { isDeepStrictEqual } from 'node:util'
import type { LoadedConfig } from './load.ts'
import { type Config, RESTART_KEYS } from './schema.ts'

export type ReloadOutcome =
  | { readonly ok: true; readonly needRestart: readonly string[] }
  | { readonly ok: false; readonly error: Error }

/** The configuration in force. A reload replaces it whole or leaves it as it is. */
export interface ConfigHolder {
  readonly current: Config
  readonly file: string | undefined
  /** Stamp (ms) and outcome of the last load, for `agent_exporter_config_last_reload_*`. */
  readonly lastReload: { readonly at: number; readonly ok: boolean }
  onChange(listener: (config: Config) => void): void
  reload(): ReloadOutcome
}

/** @param load reads the file anew and throws ConfigError when it is bad. */
export function createConfigHolder(
  loaded: LoadedConfig,
  load: () => LoadedConfig,
  now: () => number,
): ConfigHolder {
  let current = loaded.config
  let lastReload = { at: now(), ok: true }
  const listeners: ((config: Config) => void)[] = []

  /** All listeners take it or none does: what one of them cannot use (a token file) is a bad configuration too. */
  function apply(next: Config): void {
    const before = current
    current = next
    try {
      for (const listener of listeners) listener(next)
    } catch (error) {
      current = before
      for (const listener of listeners) restore(listener, before)
      throw error
    }
  }

  /** A listener that cannot go back has changed nothing. */
  function restore(listener: (config: Config) => void, before: Config): void {
    try {
      listener(before)
    } catch {}
  }

  return {
    get current() {
      return current
    },
    file: loaded.file,
    get lastReload() {
      return lastReload
    },
    onChange: (listener) => void listeners.push(listener),
    reload() {
      try {
        const next = structuredClone(load().config)
        const needRestart = RESTART_KEYS.filter((key) => !isDeepStrictEqual(at(current, key), at(next, key)))
        for (const key of needRestart) put(next, key, at(current, key))
        apply(next)
        lastReload = { at: now(), ok: true }
        return { ok: true, needRestart }
      } catch (error) {
        lastReload = { at: now(), ok: false }
        return { ok: false, error: error as Error }
      }
    },
  }
}

function at(config: Config, path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], config)
}

function put(config: Config, path: string, value: unknown): void {
  const keys = path.split('.')
  const last = keys.pop()!
  const parent = keys.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], config)
  ;(parent as Record<string, unknown>)[last] = value
}
