/** Steps (insert, delete, replace, swap of neighbours) from one word to the other, case ignored. */
function distance(a: string, b: string): number {
  const s = a.toLowerCase()
  const t = b.toLowerCase()
  let beforePrevious: number[] = []
  let previous = Array.from({ length: t.length + 1 }, (_, j) => j)
  for (let i = 1; i <= s.length; i++) {
    const row = [i]
    for (let j = 1; j <= t.length; j++) {
      const same = s[i - 1] === t[j - 1]
      let steps = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && s[i - 1] === t[j - 2] && s[i - 2] === t[j - 1]) {
        steps = Math.min(steps, beforePrevious[j - 2]! + 1)
      }
      row.push(steps)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[t.length]!
}

/** The name that was probably meant: the closest one, if at most a third of its letters differ. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  let best: { name: string; steps: number } | undefined
  for (const name of names) {
    const steps = distance(word, name)
    if (best === undefined || steps < best.steps) best = { name, steps }
  }
  return best !== undefined && best.steps <= Math.max(2, best.name.length / 3) ? best.name : undefined
}
