import type { Gauge } from './basis.ts'
import type { AlertType, BadLevel, TimeToLimit } from './model.ts'

/** What is known when an alert is written. */
export interface Situation {
  readonly gauge: Gauge | undefined
  readonly growthBytesPerSecond: number | undefined
  readonly timeToLimit: TimeToLimit | undefined
}

/** What happened, with its numbers, and what to do next. */
export interface Advice {
  readonly message: string
  readonly recommendation: string
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
const BASIS_TEXT = {
  heap: 'heap',
  anon: 'memory that cannot be reclaimed',
  working_set: 'working set',
  rss: 'resident memory',
}
const LEVEL_TEXT: Readonly<Record<BadLevel, string>> = {
  warning: 'above its warning threshold',
  critical: 'critical',
  oom_imminent: 'about to be killed for memory',
}

/** The text of one alert. */
export function adviceFor(type: AlertType, situation: Situation): Advice {
  if (type === 'recovered') {
    return { message: recovered(situation), recommendation: 'Nothing has to be done.' }
  }
  if (type === 'trend_warning') return trendAdvice(situation)
  return { message: levelMessage(type, situation), recommendation: levelAdvice(type, situation) }
}

function levelMessage(level: BadLevel, { gauge }: Situation): string {
  if (gauge === undefined) return `Memory is ${LEVEL_TEXT[level]}.`
  const { basis, bytes, limitBytes, thresholds } = gauge
  const of =
    limitBytes === undefined ? '' : ` of ${size(limitBytes)} (${Math.round((100 * bytes) / limitBytes)} %)`
  const threshold = size(thresholds[level])
  return `Memory is ${LEVEL_TEXT[level]}: ${BASIS_TEXT[basis]} ${size(bytes)}${of}, threshold ${threshold}.`
}

function levelAdvice(level: BadLevel, situation: Situation): string {
  const { gauge, timeToLimit } = situation
  const room = gauge?.limitBytes === undefined ? undefined : Math.max(0, gauge.limitBytes - gauge.bytes)
  const left = room === undefined ? '' : ` ${size(room)} are left${inTime(timeToLimit)}.`
  if (level === 'warning') {
    return `Look at what it keeps, or give it more room.${left}${growing(situation)}`
  }
  if (level === 'critical') {
    return `Let it finish its step and restart it, or raise its limit.${left}${growing(situation)}`
  }
  return `Raise its limit or end it now, before the kernel chooses a victim.${left} A pause frees no memory.`
}

/** It was paused for its memory, and the time in which somebody could make room is over. */
export function overdueAdvice(
  gauge: Gauge | undefined,
  pausedSeconds: number,
  next: 'person' | 'terminate',
): Advice {
  const { basis, bytes = 0, limitBytes } = gauge ?? {}
  const of = limitBytes === undefined ? '' : ` of ${size(limitBytes)}`
  const now = basis === undefined ? '' : `: ${BASIS_TEXT[basis]} ${size(bytes)}${of}`
  return {
    message: `It has been paused for its memory for ${time(pausedSeconds)}, and its memory is no better${now}.`,
    recommendation:
      next === 'terminate'
        ? 'It is being ended, as the configuration says (memory.actions.afterPause).'
        : 'Raise its limit and resume it, or end it: a pause frees no memory.',
  }
}

function trendAdvice({ gauge, growthBytesPerSecond, timeToLimit }: Situation): Advice {
  const rate = growthBytesPerSecond === undefined ? '' : ` by ${perMinute(growthBytesPerSecond)}`
  const limit = gauge?.limitBytes === undefined ? 'its limit' : `its limit of ${size(gauge.limitBytes)}`
  const when =
    timeToLimit === undefined ? '' : ` At the peaks it reaches ${limit} in ${time(timeToLimit.lowSeconds)}`
  const middle = timeToLimit === undefined ? '' : `, in the middle in ${time(timeToLimit.midSeconds)}.`
  return {
    message: `Memory grows steadily${rate}.${when}${middle}`,
    recommendation: `Take a heap profile now, while it still runs; restart it within ${time(timeToLimit?.lowSeconds ?? 0)} or raise ${limit}.`,
  }
}

function recovered({ gauge }: Situation): string {
  if (gauge === undefined) return 'Memory is healthy again.'
  const of = gauge.limitBytes === undefined ? '' : ` of ${size(gauge.limitBytes)}`
  return `Memory is healthy again: ${BASIS_TEXT[gauge.basis]} ${size(gauge.bytes)}${of}.`
}

function growing({ growthBytesPerSecond, timeToLimit }: Situation): string {
  if (timeToLimit === undefined || growthBytesPerSecond === undefined) return ''
  return ` It grows by ${perMinute(growthBytesPerSecond)}.`
}

function inTime(timeToLimit: TimeToLimit | undefined): string {
  return timeToLimit === undefined ? '' : `, enough for ${time(timeToLimit.lowSeconds)}`
}

const perMinute = (bytesPerSecond: number) => `${size(60 * bytesPerSecond)} a minute`

function time(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  return seconds < 90 * 60 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`
}

function size(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
