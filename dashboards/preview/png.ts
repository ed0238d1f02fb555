import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const COLOURS = 256
/** Colours that are the same in the upper bits count as one. */
const KEPT_BITS = 0xf8

/**
 * A picture of a page with at most 256 colours: a third of the size, and no eye sees it on charts and letters.
 * @param png as Chromium writes it: 8 bits, RGB or RGBA, not interlaced
 * @throws RangeError for another kind
 * @see https://www.w3.org/TR/png-3/
 */
export function withPalette(png: Buffer): Buffer {
  const chunks = chunksOf(png)
  const header = chunks.find(({ type }) => type === 'IHDR')!.data
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const channels = { 2: 3, 6: 4 }[header[9]!]
  if (header[8] !== 8 || channels === undefined || header[12] !== 0)
    throw new RangeError('not a picture of Chromium')
  const packed = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data))
  const pixels = unfiltered(inflateSync(packed), width, height, channels)
  const { palette, indexOf } = paletteOf(pixels, channels)
  const lines = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      lines[y * (width + 1) + 1 + x] = indexOf(pixels, (y * width + x) * channels)
    }
  }
  const indexed = Buffer.from(header)
  indexed[9] = 3
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', indexed),
    chunk('PLTE', palette),
    chunk('IDAT', deflateSync(lines, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunksOf(png: Buffer): { readonly type: string; readonly data: Buffer }[] {
  const chunks: { type: string; data: Buffer }[] = []
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at)
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) })
    at += 12 + length
  }
  return chunks
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, check])
}

/** Section 9 of the specification: each byte was written as a difference to its neighbours. */
function unfiltered(lines: Buffer, width: number, height: number, channels: number): Buffer {
  const stride = width * channels
  const pixels = Buffer.alloc(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (stride + 1)]!
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? pixels[y * stride + x - channels]! : 0
      const up = y > 0 ? pixels[(y - 1) * stride + x]! : 0
      const corner = x >= channels && y > 0 ? pixels[(y - 1) * stride + x - channels]! : 0
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!
      pixels[y * stride + x] = lines[y * (stride + 1) + 1 + x]! + guess
    }
  }
  return pixels
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}

/** The most frequent colours; every other one becomes the nearest of them. */
function paletteOf(pixels: Buffer, channels: number) {
  const counts = new Map<number, { count: number; exact: Map<number, number> }>()
  for (let at = 0; at < pixels.length; at += channels) {
    const exact = (pixels[at]! << 16) | (pixels[at + 1]! << 8) | pixels[at + 2]!
    const rough = exact & ((KEPT_BITS << 16) | (KEPT_BITS << 8) | KEPT_BITS)
    let seen = counts.get(rough)
    if (seen === undefined) {
      seen = { count: 0, exact: new Map() }
      counts.set(rough, seen)
    }
    seen.count += 1
    seen.exact.set(exact, (seen.exact.get(exact) ?? 0) + 1)
  }
  const chosen = [...counts.values()]
    .toSorted((a, b) => b.count - a.count)
    .slice(0, COLOURS)
    .map(({ exact }) => [...exact].toSorted(([, a], [, b]) => b - a)[0]![0])
  const nearest = new Map<number, number>()
  function indexOf(from: Buffer, at: number): number {
    const wanted = (from[at]! << 16) | (from[at + 1]! << 8) | from[at + 2]!
    let index = nearest.get(wanted)
    if (index === undefined) {
      const distances = chosen.map((colour) => distance(colour, wanted))
      index = distances.indexOf(Math.min(...distances))
      nearest.set(wanted, index)
    }
    return index
  }
  return {
    palette: Buffer.from(chosen.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255])),
    indexOf,
  }
}

function distance(a: number, b: number): number {
  const parts = [16, 8, 0].map((shift) => ((a >> shift) & 255) - ((b >> shift) & 255))
  return parts.reduce((sum, part) => sum + part * part, 0)
}
