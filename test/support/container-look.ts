import { readFileSync } from 'node:fs'
import type { TreeOracle } from './tree-oracle.ts'

/** The control group of a container in one of its lives, as its files say it. */
export interface ContainerGroup {
  isFrozen(): boolean
  /** Numbers of its processes on this host; none when it is gone. */
  processes(): readonly number[]
}

/** @param pid its main process, while it lives */
export function containerGroup(pid: number): ContainerGroup {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')
  const pathOf = (controller: string) =>
    lines.find((line) => line.split(':')[1] === controller)?.replace(/^[^:]*:[^:]*:/, '')
  // v1: `freezer.state` below its own hierarchy; v2: `cgroup.events`.
  const v1 = pathOf('freezer')
  const folder = v1 === undefined ? `/sys/fs/cgroup${pathOf('')}` : `/sys/fs/cgroup/freezer${v1}`
  const [file, frozen] =
    v1 === undefined ? (['cgroup.events', /^frozen 1$/m] as const) : (['freezer.state', /^FROZEN$/m] as const)
  const read = (name: string): string => {
    try {
      return readFileSync(`${folder}/${name}`, 'utf8')
    } catch {
      return ''
    }
  }
  return {
    isFrozen: () => frozen.test(read(file)),
    processes: () =>
      read('cgroup.procs')
        .split('\n')
        .filter((line) => line !== '')
        .map(Number),
  }
}

/** Processes of a container run as long as the freezer of its group does not say otherwise: frozen ones show as D. */
export function createContainerOracle(pid: number, processes: TreeOracle): TreeOracle {
  const { isFrozen } = containerGroup(pid)
  return {
    look() {
      const look = processes.look()
      return { ...look, running: isFrozen() ? [] : look.living }
    },
  }
}
