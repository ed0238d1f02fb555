import { Type } from 'typebox'
import { duration, size } from './quantity.ts'

const share = (fallback: number, description: string) =>
  Type.Number({ default: fallback, exclusiveMinimum: 0, maximum: 1, description })

/** Parts of the section `memory`; a caller wraps the nested ones. */
export const memoryThresholds = {
  warningBytes: size('512MiB', 'Where the level warning begins.'),
  criticalBytes: size('1GiB', 'Where the level critical begins.'),
  oomImminentBytes: size('1.5GiB', 'Where the level oom_imminent begins.'),
}

export const memoryLimitRatios = {
  warning: share(0.8, 'Share of the limit where the level warning begins.'),
  critical: share(0.9, 'Share of the limit where the level critical begins.'),
  oomImminent: share(0.95, 'Share of the limit where the level oom_imminent begins.'),
}

export const memoryTrend = {
  warningHorizon: duration(
    '15m',
    'A growing agent that will reach its limit within this time is warned about.',
  ),
}

export const alertCooldown = duration(
  '60s',
  'Least time between two alerts of one kind about one agent; a worse level always passes.',
)

const wanted = (when: string) =>
  Type.Union(
    [Type.Literal('none'), Type.Literal('pause'), Type.Literal('resize'), Type.Literal('terminate')],
    {
      default: 'none',
      description: `What is done with an agent ${when}.`,
    },
  )

export const memoryActions = {
  critical: wanted('that is critical'),
  oomImminent: wanted('that the kernel is about to kill for memory'),
  pauseDeadline: duration(
    '10m',
    'A pause frees no memory: when it has lasted this long and the memory is no better, somebody has to decide.',
  ),
  afterPause: Type.Union([Type.Literal('none'), Type.Literal('terminate')], {
    default: 'none',
    description:
      'What is done when a pause for memory has lasted to its deadline: a person is told, or it is ended.',
  }),
  resizeFactor: Type.Number({
    default: 1.5,
    exclusiveMinimum: 1,
    maximum: 4,
    description: 'A resize makes the limit of a container so many times what it was.',
  }),
  maxMemoryBytes: Type.Optional(
    size(undefined, 'No resize makes the limit of a container larger. Needed where an action is resize.'),
  ),
}
