import { describe, expect, it } from 'vitest'
import { isAllowed } from '../../../../src/platform/docker/allow-list.ts'
import { createDockerClient } from '../../../../src/platform/docker/client.ts'
import { describeEndpoint, findEndpoint } from '../../../../src/platform/docker/endpoint.ts'
import { saysItIsSo, toFailure } from '../../../../src/platform/docker/failure.ts'
import { createLimiter } from '../../../../src/platform/limiter.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const ID = '4f'.repeat(32)

describe('the allow-list', () => {
  it('lets reading calls pass', () => {
    for (const target of [
      '/version',
      '/events?filters=%7B%7D',
      '/containers/json?all=true',
      '/containers/4f1d/json',
      '/containers/4f1d/stats?stream=false',
      '/images/sha256:4b37/json',
    ]) {
      expect(isAllowed({ method: 'GET', target }), target).toBe(true)
    }
  })

  it('lets the six actions pass, on a whole id and with nothing but what they need', () => {
    for (const [target, body] of [
      [`/containers/${ID}/start`],
      [`/containers/${ID}/pause`],
      [`/containers/${ID}/unpause`],
      [`/containers/${ID}/stop?t=10`],
      [`/containers/${ID}/stop?t=0`],
      [`/containers/${ID}/kill?signal=SIGKILL`],
      [`/containers/${ID}/kill?signal=SIGTERM`],
      [`/containers/${ID}/update`, ['Memory', 'MemorySwap', 'NanoCpus']],
      [`/containers/${ID}/update`, ['CpuQuota', 'CpuPeriod']],
    ] as const) {
      expect(isAllowed({ method: 'POST', target, ...(body && { body }) }), target).toBe(true)
    }
  })

  it('refuses every other thing an engine can do', () => {
    for (const [method, target] of [
      ['POST', '/containers/create'],
      ['POST', `/containers/${ID}/exec`],
      ['POST', `/containers/${ID}/restart`],
      ['POST', `/containers/${ID}/rename?name=x`],
      ['POST', `/containers/${ID}/attach?stream=1`],
      ['POST', `/containers/${ID}/json`],
      ['POST', `/exec/${ID}/start`],
      ['POST', '/containers/prune'],
      ['POST', '/images/create?fromImage=x'],
      ['PUT', `/containers/${ID}/archive?path=/etc`],
      ['DELETE', `/containers/${ID}`],
      ['GET', `/containers/${ID}/pause`],
      ['GET', '/containers/4f1d/logs'],
      ['GET', '/containers/4f1d/archive?path=/etc'],
      ['GET', '/images/x/get'],
      ['GET', undefined],
      [undefined, '/version'],
      ['get', '/version'],
    ] as const) {
      expect(isAllowed({ method, target }), `${method} ${target}`).toBe(false)
    }
  })

  it('refuses paths that mean something else than they say', () => {
    for (const [method, target] of [
      ['GET', '/containers/../images/x/json'],
      ['GET', '/containers/a%2fb/json'],
      ['GET', '/containers/a/b/json'],
      ['POST', '/containers/4f1d/pause'],
      ['POST', '/containers/a-name/pause'],
      ['POST', `/containers/${ID}0/pause`],
      ['POST', `/containers/${ID.toUpperCase()}/pause`],
      ['POST', `/containers/${ID}/pause/`],
      ['POST', `/containers/${ID}/../create/pause`],
      ['POST', `/containers/${ID}%2fpause`],
      ['POST', `/containers/${ID}/pause\n`],
      ['POST', `//containers/${ID}/pause`],
      ['POST', `/v1.41/containers/${ID}/pause`],
      ['POST', `http://elsewhere/containers/${ID}/pause`],
    ] as const) {
      expect(isAllowed({ method, target }), `${method} ${target}`).toBe(false)
    }
  })

  it('refuses queries and bodies beyond an action’s own', () => {
    for (const [target, body] of [
      [`/containers/${ID}/pause?x=1`],
      [`/containers/${ID}/start?detachKeys=a`],
      [`/containers/${ID}/start`, ['HostConfig']],
      [`/containers/${ID}/stop`],
      [`/containers/${ID}/stop?t=-1`],
      [`/containers/${ID}/stop?t=5&signal=SIGKILL`],
      [`/containers/${ID}/stop?t=5`, ['t']],
      [`/containers/${ID}/kill`],
      [`/containers/${ID}/kill?signal=SIGSTOP`],
      [`/containers/${ID}/kill?signal=SIGKILL&x=1`],
      [`/containers/${ID}/kill?signal=9`],
      [`/containers/${ID}/update?x=1`, ['Memory']],
      [`/containers/${ID}/update`, ['Memory', 'RestartPolicy']],
      [`/containers/${ID}/update`, ['Devices']],
      [`/containers/${ID}/update`, ['__proto__']],
    ] as const) {
      expect(isAllowed({ method: 'POST', target, ...(body && { body }) }), target).toBe(false)
    }
    expect(isAllowed({ method: 'GET', target: '/version', body: ['x'] })).toBe(false)
  })
})

describe('where the engine is', () => {
  const find = (environment: Record<string, string>, present: string[] = []) =>
    findEndpoint({ environment, exists: (path) => present.includes(path) })

  it('follows DOCKER_HOST, else the usual sockets', () => {
    expect(find({}, ['/var/run/docker.sock'])).toEqual({ kind: 'socket', path: '/var/run/docker.sock' })
    expect(find({ XDG_RUNTIME_DIR: '/run/user/7' }, ['/run/user/7/docker.sock'])).toMatchObject({
      path: '/run/user/7/docker.sock',
    })
    expect(find({ DOCKER_HOST: 'unix:///x.sock' }, ['/x.sock', '/var/run/docker.sock'])).toMatchObject({
      path: '/x.sock',
    })
    const tcp = find({ DOCKER_HOST: 'tcp://[::1]' })
    expect(tcp).toEqual({ kind: 'tcp', host: '::1', port: 2375, tls: undefined })
    expect(find({ DOCKER_HOST: 'tcp://h:1', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/c' })).toMatchObject({
      port: 1,
      tls: { ca: '/c/ca.pem', cert: '/c/cert.pem', key: '/c/key.pem' },
    })
    expect(describeEndpoint({ kind: 'tcp', host: 'h', port: 1, tls: undefined })).toBe('tcp://h:1')
  })

  it('says why there is none', () => {
    expect(find({})).toHaveProperty('absent')
    expect(find({ DOCKER_HOST: 'unix:///x.sock' })).toEqual({ absent: '/x.sock does not exist' })
    expect(find({ DOCKER_HOST: 'ssh://h' })).toHaveProperty('bad')
    expect(find({ DOCKER_HOST: 'tcp://' })).toHaveProperty('bad')
  })

  it('prefers a configured socket', () => {
    const options = { socketPath: '/mine', environment: { DOCKER_HOST: 'tcp://h:1' }, exists: () => true }
    expect(findEndpoint(options)).toEqual({ kind: 'socket', path: '/mine' })
  })
})

describe('failures', () => {
  it('name a certificate that cannot be read and do not take it for a missing engine', async () => {
    const tls = { ca: '/none/ca.pem', cert: '/none/cert.pem', key: '/none/key.pem' }
    const endpoint = { kind: 'tcp', host: 'h', port: 1, tls } as const
    await expect(createDockerClient({ endpoint, clock: fakeClock(), deadlineMs: 1 })).rejects.toMatchObject({
      kind: 'failed',
      message: 'cannot read /none/ca.pem: ENOENT',
    })
  })

  it('tells a missing permission, a missing socket and a missing object apart', () => {
    expect(toFailure({ code: 'EACCES' }, '/s')).toMatchObject({
      kind: 'denied',
      message: 'no permission to open /s: run as root or as a member of the group that owns it',
    })
    expect(toFailure({ code: 'ENOENT' }, '/s').kind).toBe('absent')
    expect(toFailure({ code: 'ECONNREFUSED' }, '/s').kind).toBe('refused')
    expect(toFailure({ statusCode: 404 }, '/s').kind).toBe('not_found')
    expect(toFailure({ statusCode: 500 }, '/s')).toMatchObject({
      kind: 'answered',
      message: '/s answered 500',
    })
    const said = { statusCode: 400, json: { message: 'no\u202e such' } }
    expect(toFailure(said, '/s').message).toBe('/s answered 400: no\ufffd such')
  })
})

it('an engine that says "it is so already" has not failed', () => {
  const answer = (statusCode: number, message?: string) => saysItIsSo({ statusCode, json: { message } })
  expect(answer(304)).toBe(true)
  expect(answer(409, `Container ${ID} is already paused`)).toBe(true)
  expect(answer(500, `Container ${ID} is not paused`)).toBe(true)
  expect(answer(409, `Cannot kill container: a: Container ${ID} is not running`)).toBe(true)
  expect(answer(409, 'Memory limit should be smaller than already set memoryswap limit')).toBe(false)
  expect(answer(500)).toBe(false)
  expect(answer(400, 'is not paused')).toBe(false)
})

it('a limiter runs no more jobs at once than it may, all of them, and survives a failing one', async () => {
  const limit = createLimiter(3)
  let active = 0
  let most = 0
  const jobs = Array.from({ length: 20 }, (_, index) =>
    limit(async () => {
      active += 1
      most = Math.max(most, active)
      await new Promise((resolve) => setImmediate(resolve))
      active -= 1
      if (index === 5) throw new Error('five')
      return index
    }),
  )
  const settled = await Promise.allSettled(jobs)
  expect(most).toBe(3)
  expect(settled.filter((result) => result.status === 'fulfilled')).toHaveLength(19)
})
