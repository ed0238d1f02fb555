import { describe, expect, it } from 'vitest'
import { childEnvironment } from '../../../src/launch/environment.ts'
import { exitCodeOf } from '../../../src/launch/outcome.ts'

const ME = { id: 'me', workspace: '/w', url: 'http://127.0.0.1:1', role: undefined, token: undefined }

describe('environment of a launched agent', () => {
  it('keeps everything that is not ours', () => {
    expect(childEnvironment({ ...ME, inherited: { PATH: '/bin', HOME: '/h' } })).toEqual({
      PATH: '/bin',
      HOME: '/h',
      AGENT_EXPORTER_URL: 'http://127.0.0.1:1',
      AGENT_EXPORTER_AGENT: 'me',
      AGENT_EXPORTER_WORKSPACE: '/w',
    })
  })

  it('hands nothing on that belongs to whoever started us', () => {
    const inherited = {
      AGENT_EXPORTER_TOKEN: 'theirs',
      AGENT_EXPORTER_ROLE: 'theirs',
      AGENT_EXPORTER_INCARNATION: 'theirs',
      AGENT_EXPORTER_AGENT: 'theirs',
      AGENT_EXPORTER__STORE__URL: 'theirs',
    }
    expect(JSON.stringify(childEnvironment({ ...ME, inherited }))).not.toContain('theirs')
  })

  it('says role and token when there are some', () => {
    expect(childEnvironment({ ...ME, inherited: {}, role: 'r', token: 't' })).toMatchObject({
      AGENT_EXPORTER_ROLE: 'r',
      AGENT_EXPORTER_TOKEN: 't',
    })
  })
})

describe('the number of an end', () => {
  it('is the code, or 128 and the signal', () => {
    expect(exitCodeOf({ code: 3, signal: null })).toBe(3)
    expect(exitCodeOf({ code: null, signal: 'SIGINT' })).toBe(130)
    expect(exitCodeOf({ code: null, signal: 'SIGKILL' })).toBe(137)
  })
})
