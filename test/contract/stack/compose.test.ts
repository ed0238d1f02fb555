import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { temporaryFolder } from '../../support/folder.ts'
import { describeWith } from '../../support/services.ts'

const ROOT = join(import.meta.dirname, '../../..')
const PROFILES = ['postgres', 'redis', 'demo']
/** Nobody asks anything of them, so their health is that they run. */
const DEMO = ['demo-busy', 'demo-growing', 'demo-steady', 'simulator']
const DEFAULT = ['alertmanager', 'engine-proxy', 'exporter', 'grafana', 'prometheus']

type Volume = string | { readonly source: string; readonly target: string; readonly read_only?: boolean }
interface Service {
  readonly image: string
  readonly profiles?: readonly string[]
  readonly user?: string
  readonly pid?: string
  readonly network_mode?: string
  readonly cap_add?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly read_only?: boolean
  readonly tmpfs?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly Volume[]
  readonly environment?: Readonly<Record<string, string>>
  readonly healthcheck?: object
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
}

const source = (volume: Volume) => (typeof volume === 'string' ? volume.split(':')[0]! : volume.source)
const target = (volume: Volume) => (typeof volume === 'string' ? volume.split(':')[1]! : volume.target)
const isReadOnly = (volume: Volume) =>
  typeof volume === 'string' ? volume.endsWith(':ro') : volume.read_only === true

describeWith('docker-compose', 'docker-compose.yml', (paths) => {
  function config(files: readonly string[], profiles: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const args = [...files.flatMap((file) => ['-f', file]), ...profiles.flatMap((one) => ['--profile', one])]
    const text = execFileSync(paths['docker-compose'], [...args, 'config'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    })
    return parse(text) as Compose
  }
  const shipped = join(ROOT, 'docker-compose.yml')
  const everything = config([shipped], PROFILES)

  it('is the whole stack without a profile, and more with each', () => {
    // `config` prints every service, whatever the profile.
    const of = (wanted: string | undefined) =>
      Object.entries(everything.services)
        .filter(([, { profiles }]) => (wanted === undefined ? !profiles : profiles?.includes(wanted)))
        .map(([name]) => name)
        .toSorted()
    expect(of(undefined)).toEqual(DEFAULT)
    expect(PROFILES.map(of)).toEqual([['postgres'], ['redis'], DEMO])
  })

  it.each(Object.entries(everything.services))('%s is confined, checked, and pinned', (name, service) => {
    expect(service).toMatchObject({
      ...{ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] },
      tmpfs: expect.arrayContaining(['/tmp']) as unknown,
    })
    expect(service.cap_add, name).toBeUndefined()
    expect(service.pid, name).toBeUndefined()
    if (!DEMO.includes(name)) expect(service.healthcheck, name).toBeDefined()
    if (!service.image.startsWith('agent-exporter')) expect(service.image).toMatch(/:v?\d+\.\d+(\.\d+)?$/)
  })

  it('takes images from elsewhere', () => {
    const names = Object.entries(everything.services).map(([name]) => name)
    const variables = {
      ...{ EXPORTER_IMAGE: 'r/e:1', PROMETHEUS_IMAGE: 'r/p:1', ALERTMANAGER_IMAGE: 'r/a:1' },
      ...{ GRAFANA_IMAGE: 'r/g:1', POSTGRES_IMAGE: 'r/q:1', REDIS_IMAGE: 'r/r:1', SIMULATOR_IMAGE: 'r/s:1' },
    }
    const { services } = config([shipped], PROFILES, variables)
    expect(names.filter((name) => !services[name]?.image.startsWith('r/'))).toEqual([])
  })

  it('listens on the loopback address of the host only, unless told otherwise', () => {
    const ports = (compose: Compose) => Object.values(compose.services).flatMap((one) => one.ports ?? [])
    expect(ports(everything).toSorted()).toEqual([
      '127.0.0.1:10780:10780/tcp',
      '127.0.0.1:3000:3000/tcp',
      '127.0.0.1:9090:9090/tcp',
      '127.0.0.1:9093:9093/tcp',
    ])
    const elsewhere = config([shipped], [], { BIND_ADDRESS: '192.0.2.7', GRAFANA_PORT: '3001' })
    expect(ports(elsewhere)).toContain('192.0.2.7:3001:3000/tcp')
  })

  it('gives the socket of the engine to the proxy alone, which has no network', () => {
    const holders = Object.entries(everything.services).filter(([, { volumes = [] }]) =>
      volumes.some((volume) => source(volume).endsWith('docker.sock')),
    )
    expect(holders.map(([name]) => name)).toEqual(['engine-proxy'])
    expect(everything.services['engine-proxy']?.network_mode).toBe('none')
  })

  it('mounts files that are there, read-only; secrets come from scripts/stack-secrets', () => {
    using folder = temporaryFolder()
    execFileSync(join(ROOT, 'scripts/stack-secrets'), [join(folder.path, 'secrets')])
    for (const [name, { volumes = [] }] of Object.entries(everything.services)) {
      for (const volume of volumes.filter((one) => source(one).startsWith(ROOT))) {
        const path = source(volume)
        const place = path.startsWith(join(ROOT, 'secrets'))
          ? join(folder.path, path.slice(ROOT.length))
          : path
        expect({ name, path, isThere: existsSync(place) }).toEqual({ name, path, isThere: true })
        expect({ name, path, readOnly: isReadOnly(volume) }).toEqual({ name, path, readOnly: true })
      }
    }
  })

  it('hands over no secret by environment', () => {
    for (const [name, { environment = {} }] of Object.entries(everything.services)) {
      for (const [key, value] of Object.entries(environment)) {
        if (!/PASSWORD|TOKEN|SECRET/.test(key)) continue
        expect({ name, key, value }).toMatchObject({ value: expect.stringMatching(/^\/run\/secrets\//) })
      }
    }
  })

  it('mounts every secret that a configuration names', () => {
    const configured = (name: string, file: string, pattern: RegExp) => {
      const text = readFileSync(join(ROOT, file), 'utf8')
      const targets = everything.services[name]!.volumes!.map(target)
      for (const [, path] of text.matchAll(pattern)) expect(targets).toContain(path)
      expect([...text.matchAll(pattern)].length).toBeGreaterThan(0)
    }
    configured('exporter', 'deploy/compose/agent-exporter.yaml', /(\/run\/secrets\/exporter)\//g)
    expect(everything.services['prometheus']!.volumes!.map(target)).toEqual(
      expect.arrayContaining(['/etc/stack/prometheus', '/etc/stack/alerts', '/etc/stack/secrets/prometheus']),
    )
    expect(everything.services['alertmanager']!.volumes!.map(target)).toContain('/etc/alertmanager/secrets')
  })

  it('sees the host with docker-compose.host.yml: root, its processes, three capabilities', () => {
    // docker-compose 1.29 refuses "cgroup", as the file says.
    using folder = temporaryFolder()
    const host = readFileSync(join(ROOT, 'docker-compose.host.yml'), 'utf8')
    expect((parse(host) as { services: { exporter: object } }).services.exporter).toMatchObject({
      ...{ user: '0:0', pid: 'host', cgroup: 'host' },
    })
    const known = join(folder.path, 'host.yml')
    writeFileSync(known, host.replace(/^ *cgroup: host\n/m, ''))
    const { services } = config([shipped, known], [])
    expect(services['exporter']).toMatchObject({
      ...{ user: '0:0', pid: 'host', cap_drop: ['ALL'] },
      cap_add: ['DAC_READ_SEARCH', 'KILL', 'SYS_PTRACE'],
      environment: {
        AGENT_EXPORTER_DATA_DIR: '/var/lib/agent-exporter',
        DOCKER_HOST: expect.anything() as unknown,
      },
    })
    expect(services['exporter']?.volumes?.map(target)).toEqual(
      expect.arrayContaining(['/var/lib/agent-exporter', '/run/engine', '/run/secrets/exporter']),
    )
  })
})
