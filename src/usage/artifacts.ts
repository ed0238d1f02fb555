import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import type { Agent } from '../agents/model.ts'
import { createLimiter } from '../platform/limiter.ts'
import { hasCommit } from './git-objects.ts'

/**
 * Whether every artifact that can be checked is there; undefined when none can be. Looks only below the workspace,
 * and only at what belongs to the agent's user, so that nobody learns of files through us which he could not see.
 * Inside of containers nothing is looked for: their paths are not ours.
 */
export type VerifyArtifacts = (
  agent: Pick<Agent, 'runtime' | 'info' | 'uid'>,
  artifacts: readonly string[],
) => Promise<boolean | undefined>

/** Bytes hashed for one deliverable; a file beyond it cannot be checked. */
const MAX_HASHED_BYTES = 64 * 1024 * 1024
/** Deliverables that are looked at at a time; others wait. */
const MAX_AT_ONCE = 2

type Check =
  | { readonly kind: 'commit'; readonly id: string }
  | { readonly kind: 'file'; readonly path: string; readonly sha256: string | undefined }

/** What an artifact asks to look for; undefined when it only names something. */
function parseArtifact(artifact: string): Check | undefined {
  const commit = /^commit:([0-9a-f]{7,64})$/.exec(artifact)
  if (commit?.[1] !== undefined) return { kind: 'commit', id: commit[1] }
  const hash = /^sha256:([0-9a-fA-F]{64}):(.+)$/.exec(artifact)
  if (hash?.[1] !== undefined && hash[2] !== undefined) {
    return { kind: 'file', path: hash[2], sha256: hash[1].toLowerCase() }
  }
  const file = /^file:(.+)$/.exec(artifact)
  return file?.[1] === undefined ? undefined : { kind: 'file', path: file[1], sha256: undefined }
}

/** @param ownUid user of agents that have no process of their own: whoever only registered itself */
export function createArtifactCheck(ownUid: number | undefined): VerifyArtifacts {
  const admitted = createLimiter(MAX_AT_ONCE)

  return async ({ runtime, info, uid = ownUid }, artifacts) => {
    const checks = artifacts.map(parseArtifact).filter((check) => check !== undefined)
    if (checks.length === 0 || runtime === 'container') return undefined
    if (info.workspace === undefined || !isAbsolute(info.workspace)) return undefined
    const root = await realpath(info.workspace).catch(() => undefined)
    if (root === undefined) return undefined
    return await admitted(() => verifyAll(root, checks, uid))
  }
}

async function verifyAll(root: string, checks: readonly Check[], uid: number | undefined): Promise<boolean> {
  const budget = { bytes: MAX_HASHED_BYTES }
  for (const check of checks) {
    const found =
      check.kind === 'commit'
        ? await commitThere(root, check.id, uid)
        : await fileThere(root, check, uid, budget)
    if (!found) return false
  }
  return true
}

/** The repository must lie in the workspace itself: links and work trees of others lead out of it. */
async function commitThere(root: string, id: string, uid: number | undefined): Promise<boolean> {
  const objects = join(root, '.git', 'objects')
  const real = await realpath(objects).catch(() => undefined)
  if (real !== objects) return false
  const { uid: owner } = await stat(objects)
  return (uid === undefined || owner === uid) && (await hasCommit(objects, id))
}

async function fileThere(
  root: string,
  { path, sha256 }: Extract<Check, { kind: 'file' }>,
  uid: number | undefined,
  budget: { bytes: number },
): Promise<boolean> {
  const real = await realpath(join(root, path)).catch(() => undefined)
  if (real === undefined || !real.startsWith(root === sep ? sep : root + sep)) return false
  // Not following: between the two looks the name may have become a link. Not waiting: it may be a pipe.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(real, flags).catch(() => undefined)
  if (file === undefined) return false
  try {
    const facts = await file.stat()
    if (!facts.isFile() || (uid !== undefined && facts.uid !== uid)) return false
    if (!(await stillInside(file, root))) return false
    if (sha256 === undefined) return true
    if (facts.size > budget.bytes) return false
    budget.bytes -= facts.size
    return (await hashOf(file, facts.size)) === sha256
  } finally {
    await file.close()
  }
}

/** A folder on the way may have become a link after it was looked at: what was opened is asked where it is. */
async function stillInside(file: FileHandle, root: string): Promise<boolean> {
  const opened = await realpath(`/proc/self/fd/${file.fd}`).catch(() => undefined)
  return opened === undefined || opened.startsWith(root === sep ? sep : root + sep)
}

/** Reads no more than `size`: a file that grows while it is read is another file. */
async function hashOf(file: FileHandle, size: number): Promise<string | undefined> {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(256 * 1024)
  let position = 0
  while (position < size) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, size - position), position)
    if (bytesRead === 0) return undefined
    hash.update(chunk.subarray(0, bytesRead))
    position += bytesRead
  }
  return hash.digest('hex')
}
