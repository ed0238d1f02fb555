import type { Incarnation } from './model.ts'

/**
 * OOM kills of one container over all its lives, each counted once. The kernel's counter is the truth while the
 * control group is there, and begins anew with every life; it goes with the main process, often before it shows that
 * last kill, which then only the engine tells, or who judges the end. All times are monotonic, in milliseconds.
 */
export interface OomKills {
  /** Undefined while nothing could be known. */
  readonly total: number | undefined
  /** What an exporter that ran before had come to in this life. The total never falls below it. */
  resumed(incarnation: Incarnation, total: number): void
  /** Nobody counts for this life: what is told from now on is all there is. */
  uncounted(incarnation: Incarnation): void
  /** The counter of the group. */
  counted(incarnation: Incarnation, count: number, atMs: number): void
  /** The engine told of an OOM. `count`: what the counter said after it; undefined when it could not be read any more. */
  told(incarnation: Incarnation, count: number | undefined, atMs: number): void
  /** `engine`: by its `die`; whatever it tells later belongs to a life that nobody has seen yet. */
  ended(incarnation: Incarnation, by: 'engine' | 'sample', atMs: number): void
  /** How it ended. `main`: the kernel killed the main process. `some`: it killed a process at some time. */
  judged(incarnation: Incarnation, killed: 'main' | 'some', atMs: number): void
}

/** A kill is told some milliseconds after it; a group that dies may tell twice of the same want. */
const SAME_KILL_MS = 500
/** A sample that shows a kill of the main process and the one that misses the container lie no further apart. */
const SAME_END_MS = 2_000
/** Lives of which something may still be told. */
const MOST_LIVES = 8

interface Life {
  kills: number | undefined
  /** When the last one became known. */
  killAtMs: number
  endedAtMs: number | undefined
  hasDied: boolean
}

export function createOomKills(): OomKills {
  const lives = new Map<Incarnation, Life>()
  let earlier: number | undefined
  /** Resumed, and how much of it are kills of this very life is not known yet. */
  let unsplit: { readonly incarnation: Incarnation; readonly total: number } | undefined

  /** Whatever of the resumed total this life does not account for was of lives before it. */
  function split(incarnation: Incarnation, own: number): void {
    if (unsplit?.incarnation !== incarnation) return
    earlier = sum(earlier, Math.max(0, unsplit.total - own))
    unsplit = undefined
  }

  function lifeOf(incarnation: Incarnation): Life {
    const known = lives.get(incarnation)
    if (known !== undefined) return known
    const life = {
      kills: undefined,
      killAtMs: Number.NEGATIVE_INFINITY,
      endedAtMs: undefined,
      hasDied: false,
    }
    lives.set(incarnation, life)
    for (const [oldest, { kills }] of lives) {
      if (lives.size <= MOST_LIVES) break
      earlier = sum(earlier, kills)
      lives.delete(oldest)
    }
    return life
  }

  function atLeast(life: Life, kills: number, atMs: number): void {
    if (kills > (life.kills ?? 0)) life.killAtMs = atMs
    life.kills = Math.max(life.kills ?? 0, kills)
  }

  function oneMore(life: Life, atMs: number): void {
    atLeast(life, (life.kills ?? 0) + 1, atMs)
  }

  return {
    get total() {
      let total = sum(earlier, unsplit?.total)
      for (const { kills } of lives.values()) total = sum(total, kills)
      return total
    },

    resumed(incarnation, total) {
      lifeOf(incarnation)
      unsplit = { incarnation, total }
    },

    uncounted(incarnation) {
      split(incarnation, 0)
      lifeOf(incarnation).kills ??= 0
    },

    counted(incarnation, count, atMs) {
      split(incarnation, count)
      atLeast(lifeOf(incarnation), count, atMs)
    },

    told(incarnation, count, atMs) {
      const life = lifeOf(incarnation)
      if (life.hasDied) return
      split(incarnation, count ?? 0)
      if (count !== undefined) atLeast(life, count, atMs)
      else if (atMs - life.killAtMs >= SAME_KILL_MS) oneMore(life, atMs)
    },

    ended(incarnation, by, atMs) {
      const life = lifeOf(incarnation)
      life.endedAtMs ??= atMs
      if (by === 'engine') life.hasDied = true
    },

    judged(incarnation, killed, atMs) {
      const life = lifeOf(incarnation)
      split(incarnation, killed === 'some' ? 1 : 0)
      if (killed === 'some') atLeast(life, 1, atMs)
      else if ((life.endedAtMs ?? atMs) - life.killAtMs >= SAME_END_MS) oneMore(life, atMs)
    },
  }
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : one + other
}
