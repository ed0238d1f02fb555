import { createHash } from 'node:crypto'
import { matchCommand } from '../agents/identify.ts'
import type { Member } from '../agents/tree.ts'
import type { ProcessIdentity, ProcessKey } from '../platform/proc/process.ts'
import type { OwnTree } from './tree.ts'

export interface SubtasksOptions {
  readonly tree: OwnTree
  readonly root: ProcessKey
  readonly commands: ReadonlySet<string>
  readonly identify: (key: ProcessKey) => ProcessIdentity | 'gone' | 'unreadable'
  /** The whole command line: two agents in a row differ only in what they were asked. */
  readonly commandLine: (key: ProcessKey) => string
}

/** Counts the agents that the agent starts. */
export interface Subtasks {
  /** One pass; answers how many subtasks are new. */
  count(): Promise<number>
}

/** What a member of the tree runs. `line` tells a program that was started from a mere fork of its parent. */
interface Program {
  readonly vendor: string | undefined
  /** It only starts the program that its command line names (`npx claude`). */
  readonly launches: boolean
  readonly line: string
}

/**
 * A subtask is a process of the tree that is an agent program itself. Not counted: the child; what a launcher such
 * as `npx` starts in its own place; workers that were forked without another command line. What has just been
 * forked still shows its parent's command line, so everybody is looked at twice, one pass apart.
 */
export function createSubtasks(options: SubtasksOptions): Subtasks {
  const { tree, root, commands, identify, commandLine } = options
  const programs = new Map<number, Program & { readonly startTime: number }>()
  const counted = new Set<string>()
  let again: Member[] = []

  function programOf(member: { pid: number; startTime: number; comm: string }): Program | undefined {
    const identity = identify(member)
    if (typeof identity !== 'object') return undefined
    const match = matchCommand(identity.argv, member.comm, commands)
    const program = {
      vendor: match?.vendor,
      launches: match?.how === 'launched',
      line: createHash('sha256').update(commandLine(member)).digest('base64'),
      startTime: member.startTime,
    }
    programs.set(member.pid, program)
    return program
  }

  function isSubtask(member: Member): boolean {
    const program = programOf(member)
    if (program?.vendor === undefined || member.pid === root.pid) return false
    const parent = tree.memberOf(member.ppid)
    const starter = parent && (programs.get(parent.pid) ?? programOf(parent))
    if (starter === undefined || starter.vendor !== program.vendor) return true
    return !starter.launches && starter.line !== program.line
  }

  return {
    async count() {
      const changed = await tree.pass()
      for (const [pid, { startTime }] of programs) {
        if (tree.memberOf(pid)?.startTime !== startTime) programs.delete(pid)
      }
      const looking = new Set([...again, ...changed])
      again = [...changed]
      let found = 0
      for (const member of looking) {
        const name = `${member.pid}:${member.startTime}`
        if (member.kind !== 'worker' || counted.has(name) || tree.memberOf(member.pid) !== member) continue
        if (!isSubtask(member)) continue
        counted.add(name)
        found++
      }
      return found
    },
  }
}
