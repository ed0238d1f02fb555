import { describe, expect, it } from 'vitest'
import { createDockerClient, isAllowed } from '../../../../src/platform/docker/client.ts'
import { describeEndpoint, findEndpoint } from '../../../../src/platform/docker/endpoint.ts'
import { toFailure } from '../../../../src/platform/docker/failure.ts'
import { createLimiter } from '../../../../src/platform/docker/limiter.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

describe('the allow-list', () => {
  it('lets reading calls pass', () => {
    for (const path of [
      '/version',
      '/events?filters=%7B%7D',
      '/containers/json?all=true',
      '/containers/4f1d/json?',
      '/containers/4f1d/stats?stream=false',
      '/images/sha256:4b37/json',
    ]) {
      expect(isAllowed('GET', path), path).toBe(true)
    }
  })

  it('refuses everything else', () => {
    for (const [method, path] of [
      ['POST', '/containers/4f1d/stop'],
      ['POST', '/containers/create'],
      ['DELETE', '/containers/4f1d'],
      ['POST', '/containers/4f1d/json'],
      ['GET', '/containers/4f1d/logs'],
      ['GET', '/containers/4f1d/archive?path=/etc'],
      ['GET', '/containers/../images/x/json'],
      ['GET', '/containers/a%2fb/json'],
      ['GET', '/containers/a/b/json'],
      ['GET', '/images/x/get'],
      ['GET', undefined],
    ] as const) {
      expect(isAllowed(method, path), `${method} ${path}`).toBe(false)
    }
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
    expect(toFailure({ statusCode: 500 }, '/s').kind).toBe('failed')
  })
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
