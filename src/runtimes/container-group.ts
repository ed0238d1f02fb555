import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import { type CgroupRef, type CgroupSample, emptySample } from '../platform/cgroup/sample.ts'

/** What the kernel says about the group of a container; `undefined` where its files are not here. */
export interface ContainerGroups {
  /** Every task is frozen (v1 `freezer.state` FROZEN, v2 `cgroup.events frozen 1`). FREEZING is not frozen. */
  frozen(group: CgroupRef | undefined): boolean | 'gone' | undefined
  /** The same of a group that was just looked up: descriptors kept from an earlier life do not count. */
  frozenNow(group: CgroupRef | undefined): boolean | 'gone' | undefined
  /** How many processes it holds; `gone` when the group is no more. */
  occupants(group: CgroupRef | undefined): number | 'gone' | undefined
  /** A reading whose limits are of this moment, not kept from an earlier one. The next reading overwrites it. */
  sample(group: CgroupRef | undefined): Readonly<CgroupSample> | undefined
}

export function createContainerGroups(cgroups: CgroupFinder | undefined): ContainerGroups {
  const sample = emptySample()

  function frozen(group: CgroupRef | undefined): boolean | 'gone' | undefined {
    if (cgroups === undefined || group === undefined) return undefined
    return cgroups.read(group, sample) === 'gone' ? 'gone' : sample.frozen
  }

  return {
    frozen,
    frozenNow(group) {
      // A reading that finds the group gone forgets it; the next one opens what is there now.
      const first = frozen(group)
      return first === 'gone' ? frozen(group) : first
    },

    occupants(group) {
      if (cgroups === undefined || group === undefined) return undefined
      if (cgroups.read(group, sample) === 'gone') return 'gone'
      return cgroups.processes(group)?.length
    },

    sample(group) {
      if (cgroups === undefined || group === undefined) return undefined
      cgroups.forget(group)
      return cgroups.read(group, sample) === 'ok' ? sample : undefined
    },
  }
}
