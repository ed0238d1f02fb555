import { readFileSync } from 'node:fs'
import type { TreeOracle } from './tree-oracle.ts'

/** Processes of a container run as long as the freezer of its group does not say otherwise: frozen ones show as D. */
export function createContainerOracle(pid: number, processes: TreeOracle): TreeOracle {
  const isFrozen = freezerOf(pid)
  return {
    look() {
      const look = processes.look()
      return { ...look, running: isFrozen() ? [] : look.living }
    },
  }
}

/** v1: `freezer.state` below its own hierarchy; v2: `cgroup.events`. */
function freezerOf(pid: number): () => boolean {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')
  const pathOf = (controller: string) =>
    lines.find((line) => line.split(':')[1] === controller)?.replace(/^[^:]*:[^:]*:/, '')
  const v1 = pathOf('freezer')
  const [file, frozen] =
    v1 === undefined
      ? [`/sys/fs/cgroup${pathOf('')}/cgroup.events`, /^frozen 1$/m]
      : [`/sys/fs/cgroup/freezer${v1}/freezer.state`, /^FROZEN$/m]
  return () => {
    try {
      return frozen.test(readFileSync(file, 'utf8'))
    } catch {
      return false
    }
  }
}
