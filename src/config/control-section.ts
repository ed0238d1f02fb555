import { Type } from 'typebox'
import { duration } from './quantity.ts'

export const controlProperties = {
  mode: Type.Union([Type.Literal('off'), Type.Literal('dry-run'), Type.Literal('enforce')], {
    default: 'enforce',
    description: 'off: nothing is done; dry-run: it is only written down; enforce: it is done.',
  }),
  enforceDiscovered: Type.Boolean({
    default: false,
    description: 'Also act on agents that were only discovered.',
  }),
  cooldown: duration('60s', 'After an automatic action on an agent the next one waits this long.'),
  maxFleetShare: Type.Number({
    default: 0.1,
    exclusiveMinimum: 0,
    maximum: 1,
    description: 'Share of the fleet on which alerts, memory, reaper and scaler may act in ten minutes.',
  }),
  maxFailures: Type.Integer({
    default: 3,
    minimum: 1,
    maximum: 100,
    description: 'After so many failures in a row of one action and trigger it stops for 30 minutes.',
  }),
  maxAutoResumesPerHour: Type.Integer({
    default: 2,
    minimum: 0,
    maximum: 1_000,
    description: 'Resumes per agent and hour that no person asked for.',
  }),
  killSwitchFile: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'While this file exists nothing but a resume is done. Default: STOP in the data directory.',
    }),
  ),
  approvalExpiry: duration('30m', 'A pending approval that nobody answers is refused after this.'),
  grace: duration('10s', 'Between the request to end and the kill.'),
  lock: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      description: 'Of all daemons with the same lock on a host only the first acts. Default: one per user.',
      'x-hint': 'up to 64 letters, digits, dots, underscores and hyphens',
    }),
  ),
}
