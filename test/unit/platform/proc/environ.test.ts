import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanEnvironment } from '../../../../src/platform/proc/environ.ts'

function scan(bytes: Buffer, pieceLength = bytes.length || 1): Record<string, string> {
  const found = scanEnvironment()
  for (let at = 0; at < bytes.length; at += pieceLength) found.add(bytes.subarray(at, at + pieceLength))
  return found.result()
}

const environment = (...variables: string[]) =>
  Buffer.from(variables.map((variable) => `${variable}\0`).join(''))

describe('scanEnvironment', () => {
  it('keeps our variables and nothing else', () => {
    const bytes = environment(
      'PATH=/bin',
      'AGENT_EXPORTER_AGENT=builder',
      'AGENT_EXPORTER_ROLE=',
      'XAGENT_EXPORTER_AGENT=no',
      'OPENAI_API_KEY=sk',
      'AGENT_EXPORTER_WORKSPACE=/a=b',
    )
    expect(scan(bytes)).toEqual({
      AGENT_EXPORTER_AGENT: 'builder',
      AGENT_EXPORTER_ROLE: '',
      AGENT_EXPORTER_WORKSPACE: '/a=b',
    })
  })

  it('drops configuration overrides and credentials although they are ours', () => {
    const bytes = environment(
      'AGENT_EXPORTER__STORE__URL=postgres://u:p@h/d',
      'AGENT_EXPORTER_INGEST_TOKEN=t',
      'AGENT_EXPORTER_AGENT=a',
    )
    expect(scan(bytes)).toEqual({ AGENT_EXPORTER_AGENT: 'a' })
  })

  it('leaves out a variable that was cut off', () => {
    expect(scan(Buffer.from('AGENT_EXPORTER_ROLE=x\0AGENT_EXPORTER_AGENT=buil'))).toEqual({
      AGENT_EXPORTER_ROLE: 'x',
    })
  })

  it('is the same however the file is cut into pieces', () => {
    const bytes = environment(
      'A=1',
      'AGENT_EXPORTER_AGENT=ä',
      `BIG=${'x'.repeat(300)}`,
      'AGENT_EXPORTER_ROLE=r',
      'Z=',
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length }), (length) => {
        expect(scan(bytes, length)).toEqual({ AGENT_EXPORTER_AGENT: 'ä', AGENT_EXPORTER_ROLE: 'r' })
      }),
    )
  })

  it('goes through megabytes and around a variable of ours that is too long', () => {
    const bytes = environment(
      ...Array.from({ length: 20 }, (_, i) => `HUGE${i}=${'y'.repeat(128 * 1024)}`),
      `AGENT_EXPORTER_WORKSPACE=${'z'.repeat(10_000)}`,
      'AGENT_EXPORTER_AGENT=after',
    )
    expect(scan(bytes, 128 * 1024)).toEqual({ AGENT_EXPORTER_AGENT: 'after' })
  })

  it('takes values that are no UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('AGENT_EXPORTER_ROLE=a'), Buffer.from([0xff, 0x1b, 0x00])])
    expect(scan(bytes)).toEqual({ AGENT_EXPORTER_ROLE: 'a\uFFFD\uFFFD' })
  })
})
