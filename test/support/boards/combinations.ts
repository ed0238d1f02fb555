/** Values by names of what is varied. */
type Axes = Readonly<Record<string, readonly unknown[]>>
type Row<A extends Axes> = { readonly [K in keyof A]: A[K][number] }

/** Every combination. */
export function everyCombination<A extends Axes>(axes: A): Row<A>[] {
  return Object.entries(axes).reduce<Record<string, unknown>[]>(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  ) as Row<A>[]
}

/** So few that any two values of two axes still meet in one: always the one with most pairs that have not met yet. */
export function pairwise<A extends Axes>(axes: A): Row<A>[] {
  const names = Object.keys(axes)
  const pairsOf = (row: Row<A>): string[] =>
    names.flatMap((one, at) =>
      names.slice(at + 1).map((other) => JSON.stringify([one, row[one], other, row[other]])),
    )
  const all = everyCombination(axes)
  const open = new Set(all.flatMap(pairsOf))
  const chosen: Row<A>[] = []
  while (open.size > 0) {
    const news = (row: Row<A>) => pairsOf(row).filter((pair) => open.has(pair)).length
    const best = all.reduce((one, other) => (news(other) > news(one) ? other : one))
    for (const pair of pairsOf(best)) open.delete(pair)
    chosen.push(best)
  }
  return chosen
}
