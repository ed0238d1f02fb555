import {
  MappingType,
  type Threshold,
  type ThresholdsConfig,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { AgentState } from '../../src/agents/model.ts'
import type { CrashCause } from '../../src/crashes/model.ts'
import type { Phase } from '../../src/exhaustion/model.ts'
import type { Level, Trend } from '../../src/memory/model.ts'

/** A colour means the same on every board: green is well, yellow soon, orange now, red too late, blue stopped on purpose. */
export const WELL = 'green'
export const SOON = 'yellow'
export const NOW = 'orange'
export const LATE = 'red'
export const STOPPED = 'blue'
/** Says nothing about good or bad. */
export const PLAIN = 'text'
export const QUIET = '#8e8e8e'
export const COLOURS = [WELL, SOON, NOW, LATE, STOPPED, PLAIN, QUIET, 'purple'] as const
export type Colour = (typeof COLOURS)[number]

export const LEVEL_COLOURS: Readonly<Record<Level, Colour>> = {
  healthy: WELL,
  warning: SOON,
  critical: NOW,
  oom_imminent: LATE,
}
export const PHASE_COLOURS: Readonly<Record<Phase, Colour>> = {
  normal: WELL,
  warning: SOON,
  intervention: NOW,
  termination: LATE,
}
export const STATE_COLOURS: Readonly<Record<AgentState, Colour>> = {
  starting: 'purple',
  running: WELL,
  idle: QUIET,
  waiting: SOON,
  paused: STOPPED,
  exited: PLAIN,
}
export const TREND_COLOURS: Readonly<Record<Trend, Colour>> = {
  growing: NOW,
  stable: WELL,
  shrinking: WELL,
  step: SOON,
  unknown: QUIET,
}
export const SEVERITY_COLOURS: Readonly<Record<string, Colour>> = {
  critical: LATE,
  warning: NOW,
  info: STOPPED,
}

/** What want of memory did is warm, the rest says nothing yet. */
export const CAUSE_COLOURS: Readonly<Record<CrashCause, Colour>> = {
  oom_cgroup: LATE,
  oom_host: LATE,
  oom_child: NOW,
  heap_limit: NOW,
  memory_leak: SOON,
  sudden_spike: SOON,
  segfault: 'purple',
  abort: 'purple',
  killed: PLAIN,
  error: QUIET,
  unknown: QUIET,
}

/** Colours from values on: `steps([0, WELL], [1, LATE])`; the first colour also holds below its value. */
export function steps(...all: readonly (readonly [from: number, colour: Colour])[]): ThresholdsConfig {
  const thresholds: Threshold[] = all.map(([from, color], at) => ({ value: at === 0 ? null : from, color }))
  return { mode: ThresholdsMode.Absolute, steps: thresholds }
}

/** Shows texts (a state, a level) in their colours. */
export function inColours(colours: Readonly<Record<string, Colour>>): ValueMapping[] {
  const options = Object.entries(colours).map(
    ([text, color], index) => [text, { text, color, index }] as const,
  )
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(options) }]
}

/** Shows numbers as words in their colours. */
export function asWords(
  words: readonly (readonly [value: number, text: string, colour: Colour])[],
): ValueMapping[] {
  const options = words.map(([value, text, color], index) => [String(value), { text, color, index }] as const)
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(options) }]
}
