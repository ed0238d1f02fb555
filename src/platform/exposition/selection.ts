import { Problem } from '../problem.ts'

/** `collect[]` and `exclude[]` of one request, as node_exporter has them. */
export interface Selection {
  readonly collect?: readonly string[]
  readonly exclude?: readonly string[]
}

/**
 * Names of the collectors that a request wants, in their usual order.
 * @throws Problem AE_BAD_COLLECTOR when both lists are used or a name is not an enabled collector
 */
export function selectCollectors(
  enabled: readonly string[],
  { collect = [], exclude = [] }: Selection,
): readonly string[] {
  if (collect.length > 0 && exclude.length > 0) {
    throw new Problem('AE_BAD_COLLECTOR', 'collect[] and exclude[] cannot be used together.')
  }
  checkNames(enabled, 'collect[]', collect)
  checkNames(enabled, 'exclude[]', exclude)
  if (collect.length > 0) return enabled.filter((name) => collect.includes(name))
  return enabled.filter((name) => !exclude.includes(name))
}

function checkNames(enabled: readonly string[], parameter: string, names: readonly string[]): void {
  const errors = names.flatMap((name, i) =>
    enabled.includes(name) ? [] : { path: `/${parameter}/${i}`, message: 'is not an enabled collector' },
  )
  if (errors.length === 0) return
  throw new Problem('AE_BAD_COLLECTOR', `The enabled collectors are: ${enabled.join(', ')}.`, errors)
}
