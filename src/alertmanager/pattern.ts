import { type Has, type Node, PatternError, parsePattern } from './pattern-syntax.ts'

/** A compiled pattern. It matches whole texts only, as in Alertmanager and Prometheus. */
export interface Pattern {
  readonly source: string
  matches(text: string): boolean
}

type Step =
  | { readonly op: 'take'; readonly has: Has; readonly next: number }
  | { readonly op: 'fork'; readonly to: readonly number[] }
  | { readonly op: 'start' | 'end'; readonly next: number }
  | { readonly op: 'match' }

/** Where the automaton can be after some text; what comes after each next code point is found once. */
interface Place {
  readonly steps: readonly number[]
  readonly next: Map<number, Place>
  accepts: boolean | undefined
}

/** `(((x{9}){9}){9}){9}` grows without end; nothing that a person means has more steps. */
const MOST_STEPS = 2_000
/** What is remembered between texts; hostile texts could otherwise fill the memory. */
const MOST_PLACES = 500
const MOST_KNOWN = 10_000

/**
 * Compiles a pattern to an automaton that looks at each character of a text once: unlike the regular expressions of the
 * language no pattern and no text make it slow, and the labels it is used on may be set by whoever can fire an alert.
 * Russ Cox, "Regular Expression Matching Can Be Simple And Fast" (2007): Thompson's construction, states built lazily.
 * @throws PatternError
 */
export function compilePattern(source: string): Pattern {
  const steps = programOf(parsePattern(source))
  const entry = steps.length - 1
  const places = new Map<string, Place>()
  let known = 0

  /** All steps that are reached without taking a character. `end` steps stay, to be passed at the end of the text. */
  function reach(from: readonly number[], where: { start: boolean; end: boolean }): number[] {
    const seen = new Set<number>()
    const open = [...from]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (seen.has(id)) continue
      seen.add(id)
      const step = steps[id]!
      if (step.op === 'fork') open.push(...step.to)
      else if (step.op === 'start' && where.start) open.push(step.next)
      else if (step.op === 'end' && where.end) open.push(step.next)
    }
    return [...seen].filter((id) => steps[id]!.op !== 'fork').sort((a, b) => a - b)
  }

  function placeOf(reached: readonly number[]): Place {
    const key = reached.join(',')
    const place = places.get(key) ?? { steps: reached, next: new Map(), accepts: undefined }
    places.set(key, place)
    return place
  }

  function advance(place: Place, point: number): Place {
    if (++known > MOST_KNOWN || places.size > MOST_PLACES) {
      places.clear()
      first.next.clear()
      known = 0
    }
    const taken: number[] = []
    for (const id of place.steps) {
      const step = steps[id]!
      if (step.op === 'take' && step.has(point)) taken.push(step.next)
    }
    const next = placeOf(reach(taken, { start: false, end: false }))
    place.next.set(point, next)
    return next
  }

  // Not among the others: only here the text has not begun.
  const first: Place = {
    steps: reach([entry], { start: true, end: false }),
    next: new Map(),
    accepts: undefined,
  }

  return {
    source,
    matches(text) {
      let place = first
      for (const char of text) {
        const point = char.codePointAt(0)!
        place = place.next.get(point) ?? advance(place, point)
        if (place.steps.length === 0) return false
      }
      place.accepts ??= reach(place.steps, { start: place === first, end: true }).some(
        (id) => steps[id]!.op === 'match',
      )
      return place.accepts
    },
  }
}

/** The steps of a pattern; the last one is where it begins. */
function programOf(pattern: Node): readonly Step[] {
  const steps: Step[] = [{ op: 'match' }]
  let work = 0

  function add(step: Step): number {
    return steps.push(step) - 1
  }

  /** Where to begin so that `node` is matched and then what begins at `next`. */
  function emit(node: Node, next: number): number {
    if (++work > MOST_STEPS || steps.length > MOST_STEPS) throw new PatternError('is too large')
    switch (node.kind) {
      case 'set':
        return add({ op: 'take', has: node.has, next })
      case 'start':
      case 'end':
        return add({ op: node.kind, next })
      case 'sequence':
        return node.nodes.reduceRight((after, part) => emit(part, after), next)
      case 'choice':
        return add({ op: 'fork', to: node.nodes.map((part) => emit(part, next)) })
      case 'repeat':
        return repeat(node.node, node.least, node.most, next)
    }
  }

  function repeat(node: Node, least: number, most: number, next: number): number {
    let begin = next
    if (most === Number.POSITIVE_INFINITY) {
      begin = add({ op: 'fork', to: [next] })
      steps[begin] = { op: 'fork', to: [emit(node, begin), next] }
    } else {
      for (let i = least; i < most; i++) begin = add({ op: 'fork', to: [emit(node, begin), next] })
    }
    for (let i = 0; i < least; i++) begin = emit(node, begin)
    return begin
  }

  const begin = emit(pattern, 0)
  add({ op: 'fork', to: [begin] })
  return steps
}

/** A pattern for a glob: `*` any text, `?` any character. */
export function compileGlob(glob: string): Pattern {
  const source = [...glob]
    .map((char) => {
      if (char === '*') return '.*'
      if (char === '?') return '.'
      return /[A-Za-z0-9\u0080-\u{10ffff}]/u.test(char) ? char : `\\${char}`
    })
    .join('')
  return { ...compilePattern(`(?s)${source}`), source: glob }
}
