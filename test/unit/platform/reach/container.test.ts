import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { containerReach } from '../../../../src/platform/reach/container.ts'
import { temporaryFolder } from '../../../support/folder.ts'

const CONTAINER = 'cd'.repeat(32)
const HOST = { pid: 'pid:[4026531836]', cgroup: 'cgroup:[4026531835]' }

interface Self {
  readonly pid: string
  readonly cgroup: string
  readonly capabilities: string
  readonly membership: string
}

function reachOf({ pid, cgroup, capabilities, membership }: Self): Record<string, string> {
  using folder = temporaryFolder()
  const self = join(folder.path, 'self')
  mkdirSync(join(self, 'ns'), { recursive: true })
  symlinkSync(pid, join(self, 'ns/pid'))
  symlinkSync(cgroup, join(self, 'ns/cgroup'))
  writeFileSync(join(self, 'status'), `CapEff:\t${capabilities}\n`)
  writeFileSync(join(self, 'cgroup'), `0::${membership}\n`)
  return Object.fromEntries(
    containerReach(folder.path).map(({ name, state, detail }) => [name, `${state}: ${detail}`]),
  )
}

it('is silent on a host', () => {
  expect(
    reachOf({ ...HOST, capabilities: '0000000000000000', membership: '/user.slice/session-1.scope' }),
  ).toEqual({})
})

it('names what the default container lacks for processes of the host', () => {
  expect(
    reachOf({
      ...{ pid: 'pid:[4026532442]', cgroup: 'cgroup:[4026532443]' },
      ...{ capabilities: '0000000000000000', membership: '/' },
    }),
  ).toEqual({
    'host processes': 'missing: a pid namespace of its own',
    'host cgroups': 'missing: a cgroup namespace of its own',
    capabilities: 'limited: without DAC_READ_SEARCH, KILL, SYS_PTRACE',
  })
})

it('is content with the container of docker-compose.host.yml, and names a single capability that is missing', () => {
  const host = { ...HOST, membership: `/docker/${CONTAINER}` }
  const whole = reachOf({ ...host, capabilities: '0000000000080024' })
  expect(whole).toEqual({
    'host processes': 'ok: the pid namespace of the host',
    'host cgroups': 'ok: the cgroup namespace of the host',
    capabilities: 'ok: DAC_READ_SEARCH, KILL, SYS_PTRACE',
  })
  expect(reachOf({ ...host, capabilities: '0000000000080004' })['capabilities']).toBe('limited: without KILL')
})
