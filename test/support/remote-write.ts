/** A series for Prometheus to store; times in ms, ascending. */
export interface StoredSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly times: readonly number[]
  readonly values: readonly number[]
}

/**
 * Sends samples to a Prometheus that was started with `--web.enable-remote-write-receiver`.
 * @see https://prometheus.io/docs/concepts/remote_write_spec/ (1.0)
 * @throws Error with its answer when it does not take them
 */
export async function writeSamples(url: string, series: readonly StoredSeries[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
    body: literalSnappy(writeRequest(series)),
  })
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
}

const LENGTH_DELIMITED = 2
const FIXED_64 = 1
const VARINT = 0
const tag = (field: number, kind: number): number => (field << 3) | kind

/** `prometheus.WriteRequest`: field 1 is a series, whose field 1 is a label and 2 a sample. */
function writeRequest(series: readonly StoredSeries[]): Buffer {
  return Buffer.concat(
    series.map(({ labels, times, values }) => {
      const pairs = Object.entries(labels)
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, value]) => delimited(1, Buffer.concat([text(1, name), text(2, value)])))
      return delimited(1, Buffer.concat([...pairs, samplesOf(times, values)]))
    }),
  )
}

/** Tag and length, the value with its tag, the tag of the time and as many bytes as a time ever has. */
const MOST_SAMPLE_BYTES = 2 + 9 + 1 + 8

function samplesOf(times: readonly number[], values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(times.length * MOST_SAMPLE_BYTES)
  let end = 0
  for (const [at, time] of times.entries()) {
    const begin = end
    bytes[begin] = tag(2, LENGTH_DELIMITED)
    bytes[begin + 2] = tag(1, FIXED_64)
    bytes.writeDoubleLE(values[at]!, begin + 3)
    bytes[begin + 11] = tag(2, VARINT)
    end = writeVarint(bytes, begin + 12, time)
    bytes[begin + 1] = end - begin - 2
  }
  return bytes.subarray(0, end)
}

function text(field: number, value: string): Buffer {
  return delimited(field, Buffer.from(value))
}

function delimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag(field, LENGTH_DELIMITED)]), varint(content.length), content])
}

function varint(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  return bytes.subarray(0, writeVarint(bytes, 0, value))
}

/** Numbers up to 2^53: bits cannot be shifted there. Answers where it ends. */
function writeVarint(bytes: Buffer, from: number, value: number): number {
  let at = from
  let rest = value
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[at] = rest
  return at + 1
}

const LITERAL_BYTES = 65_536

/**
 * The block format of snappy without any compression: the length, and the content as literals with lengths of two bytes.
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
function literalSnappy(content: Buffer): Buffer {
  const parts: Buffer[] = [varint(content.length)]
  for (let from = 0; from < content.length; from += LITERAL_BYTES) {
    const literal = content.subarray(from, from + LITERAL_BYTES)
    const head = Buffer.alloc(3)
    head[0] = 61 << 2
    head.writeUInt16LE(literal.length - 1, 1)
    parts.push(head, literal)
  }
  return Buffer.concat(parts)
}
