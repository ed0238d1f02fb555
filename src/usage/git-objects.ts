import { constants } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'

/**
 * Looks for a commit in the files of a repository, without running git: a repository belongs to the agent, and its
 * configuration can make git run programs (gitformat-pack(5), gitrepository-layout(5)).
 *
 * @param objects `.git/objects`
 * @param id 7 to 64 lower-case hexadecimal digits, a whole name or the beginning of one
 */
export async function hasCommit(objects: string, id: string): Promise<boolean> {
  return (await looseCommit(objects, id)) || (await packedCommit(objects, id))
}

/** Packs of a repository that is never repacked can be many; more are not looked into. */
const MAX_PACKS = 200
/** Only the beginning of a loose object says what it is. */
const HEADER_BYTES = 256
const INDEX_MAGIC = 0xff744f63
const INDEX_HEADER_BYTES = 8
const FANOUT_BYTES = 256 * 4
/** More than a type, a size and the distance to a base take; at the end of a pack there may be less. */
const ENTRY_HEAD_BYTES = 32
const TYPE_COMMIT = 1
const TYPE_OFS_DELTA = 6
/** git itself makes chains of at most 50 by default. */
const MAX_DELTA_CHAIN = 100

async function looseCommit(objects: string, id: string): Promise<boolean> {
  const folder = join(objects, id.slice(0, 2))
  for (const name of await namesIn(folder)) {
    if (!name.startsWith(id.slice(2))) continue
    const head = await readStart(join(folder, name))
    if (head !== undefined && inflateStart(head).startsWith('commit ')) return true
  }
  return false
}

/** An object of type commit begins with `commit <size>\0` once it is inflated. */
function inflateStart(bytes: Buffer): string {
  try {
    // The stream is cut off, so it is never finished.
    return inflateSync(bytes, { finishFlush: 2, maxOutputLength: 64 * 1024 }).toString('latin1')
  } catch {
    return ''
  }
}

async function packedCommit(objects: string, id: string): Promise<boolean> {
  const folder = join(objects, 'pack')
  const packs = (await namesIn(folder)).filter((name) => /^pack-[0-9a-f]{40,64}\.idx$/.test(name))
  for (const index of packs.slice(0, MAX_PACKS)) {
    const hashBytes = (index.length - 'pack-.idx'.length) / 2
    const offset = await using(join(folder, index), (file) => findInIndex(file, id, hashBytes))
    if (offset === undefined) continue
    const pack = join(folder, index.replace(/\.idx$/, '.pack'))
    if (await using(pack, (file) => isCommitAt(file, offset))) return true
  }
  return false
}

/** Offset in the pack of the first object whose name begins with `id`: binary search in the sorted names. */
async function findInIndex(file: FileHandle, id: string, hashBytes: number): Promise<number | undefined> {
  const head = await read(file, 0, INDEX_HEADER_BYTES + FANOUT_BYTES)
  if (head === undefined || head.readUInt32BE(0) !== INDEX_MAGIC || head.readUInt32BE(4) !== 2)
    return undefined
  const fanout = (byte: number) => (byte < 0 ? 0 : head.readUInt32BE(INDEX_HEADER_BYTES + byte * 4))
  const first = Number.parseInt(id.slice(0, 2), 16)
  const total = fanout(255)
  const names = INDEX_HEADER_BYTES + FANOUT_BYTES
  const nameAt = async (place: number) =>
    (await read(file, names + place * hashBytes, hashBytes))?.toString('hex') ?? ''
  let low = fanout(first - 1)
  let high = fanout(first)
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((await nameAt(middle)) < id) low = middle + 1
    else high = middle
  }
  if (low >= fanout(first) || !(await nameAt(low)).startsWith(id)) return undefined
  // After the names come a checksum and an offset for each; bit 31 points into the table of 64-bit offsets.
  const offsets = names + total * (hashBytes + 4)
  const offset = (await read(file, offsets + low * 4, 4))?.readUInt32BE(0)
  if (offset === undefined || offset < 0x80000000) return offset
  const large = await read(file, offsets + total * 4 + (offset - 0x80000000) * 8, 8)
  return large === undefined ? undefined : Number(large.readBigUInt64BE(0))
}

/** A delta is of the type of what it is based on. One based on another pack's object is not followed. */
async function isCommitAt(file: FileHandle, start: number): Promise<boolean> {
  let offset = start
  for (let link = 0; link < MAX_DELTA_CHAIN; link++) {
    const bytes = await read(file, offset, ENTRY_HEAD_BYTES, 2)
    if (bytes === undefined) return false
    const type = ((bytes[0] ?? 0) >> 4) & 7
    if (type !== TYPE_OFS_DELTA) return type === TYPE_COMMIT
    let place = 0
    while (((bytes[place++] ?? 0) & 0x80) !== 0);
    let byte = bytes[place++] ?? 0
    let distance = byte & 0x7f
    while ((byte & 0x80) !== 0) {
      byte = bytes[place++] ?? 0
      distance = (distance + 1) * 128 + (byte & 0x7f)
    }
    if (distance === 0 || distance > offset) return false
    offset -= distance
  }
  return false
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => [])
}

function readStart(path: string): Promise<Buffer | undefined> {
  return using(path, (file) => read(file, 0, HEADER_BYTES, 1))
}

async function read(
  file: FileHandle,
  position: number,
  length: number,
  atLeast = length,
): Promise<Buffer | undefined> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position)
  return bytesRead < atLeast ? undefined : buffer.subarray(0, bytesRead)
}

/** Neither a link nor a pipe: the one leads elsewhere, the other would be waited for. */
const READ_PLAIN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** A file that cannot be opened says nothing. */
async function using<T>(path: string, look: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
  const file = await open(path, READ_PLAIN).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    return await look(file)
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}
