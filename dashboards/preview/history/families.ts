import { referenceSettings } from '../../../scripts/documents.ts'
import type { Family } from '../../../src/platform/exposition/family.ts'
import { metricsGroups } from '../../../src/reference.ts'

/** Every family that an exporter may show. */
export async function knownFamilies(): Promise<ReadonlyMap<string, Family>> {
  const groups = await metricsGroups(referenceSettings)
  return new Map(groups.flatMap(({ families }) => families).map((family) => [family.name, family]))
}
