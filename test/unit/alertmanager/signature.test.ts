import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkSignature, readGrafanaSecret } from '../../../src/alertmanager/signature.ts'
import { temporaryFolder } from '../../support/folder.ts'

const SECRET = 'a secret of sixteen letters'

describe('the secret of Grafana', () => {
  const folder = temporaryFolder()
  afterAll(() => folder[Symbol.dispose]())
  const file = (content: string) => {
    const path = join(folder.path, 'secret')
    writeFileSync(path, content)
    return path
  }

  it('is the text of a file, or none', () => {
    expect(readGrafanaSecret('none')).toBeUndefined()
    expect(readGrafanaSecret(file(`${SECRET}\n`))).toBe(SECRET)
  })

  it('must be there and long enough, and is in no message', () => {
    expect(() => readGrafanaSecret(join(folder.path, 'nothing'))).toThrow(
      /nothing cannot be read \(ENOENT\)$/,
    )
    expect(() => readGrafanaSecret(file('too short\n'))).toThrow(/holds less than 16 characters$/)
    expect(() => readGrafanaSecret(file('too short\n'))).not.toThrow(/too short/)
  })
})

describe('a signature', () => {
  // Made with: printf %s TEXT | openssl dgst -sha256 -hmac SECRET
  const body = Buffer.from('{"version":"1","alerts":[]}')

  it('is that of the body', () => {
    const signature = '54adeb660c3d42da5d6a585a0dded8476e619ea0efffdb6f1718ab6f16debac5'
    checkSignature(SECRET, { 'x-grafana-alerting-signature': signature }, body, 0)
  })

  it('is that of time and body where there is a time', () => {
    const headers = {
      'x-grafana-alerting-signature': '438ea005146214daa0070da49d64ac035068b400ede77231f5ed27d7c5e00a49',
      'x-grafana-alerting-timestamp': '1784000000',
    }
    checkSignature(SECRET, headers, body, 1_784_000_010_000)
    expect(() => checkSignature(SECRET, headers, body, 1_784_000_301_000)).toThrow('too old')
  })
})
