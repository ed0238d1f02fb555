import { cleanText } from '../platform/text.ts'
import type { ActionEntry, ControlState, KillSwitchState } from './model.ts'

const iso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString()

const ALERT_HOLD = 'alert:'

/** One line of the journal as the API shows it. What is not known is left out. Durations in milliseconds. */
export function answerEntry(entry: ActionEntry) {
  const { at, lastAt, verifiedAt, reason, detail, hold, ...rest } = entry
  return {
    ...rest,
    at: new Date(at).toISOString(),
    lastAt: new Date(lastAt).toISOString(),
    verifiedAt: iso(verifiedAt),
    // Written by people, alert rules and drivers; read in terminals and pages.
    reason: cleanText(reason, 512),
    detail: detail === undefined ? undefined : cleanText(detail, 512),
    hold,
    alert: hold.startsWith(ALERT_HOLD) ? hold.slice(ALERT_HOLD.length) : undefined,
  }
}

export function answerKillSwitch({ engaged, actor, reason, sinceMs }: KillSwitchState) {
  return { engaged, actor, reason, since: iso(sinceMs) }
}

/** What stands in the way of acting, and who is held; holds only of agents that the caller may see. */
export function answerControl(state: ControlState, maySee: (agent: string) => boolean) {
  const { mode, acting, killSwitch, failureStops, holds } = state
  return {
    mode,
    acting,
    killSwitch: answerKillSwitch(killSwitch),
    failureStops: failureStops.map(({ untilMs, ...stop }) => ({ ...stop, until: iso(untilMs) })),
    holds: holds
      .filter(({ agent }) => maySee(agent))
      .map(({ sinceMs, reason, ...hold }) => ({
        ...hold,
        since: iso(sinceMs),
        reason: cleanText(reason, 512),
      })),
  }
}
