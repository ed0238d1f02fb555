import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { describeWith } from '../../support/services.ts'

const ROOT = join(import.meta.dirname, '../../..')

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly profiles?: readonly string[]
        readonly command?: readonly string[]
        readonly volumes?: readonly string[]
      }
    >
  >
}

describeWith('docker-compose', 'docker-compose.yml', (paths) => {
  const run = (...args: string[]) =>
    execFileSync(paths['docker-compose'], ['-f', join(ROOT, 'docker-compose.yml'), ...args], {
      cwd: ROOT,
      encoding: 'utf8',
    })
  const config = parse(run('--profile', 'alerting', 'config')) as Compose

  it('starts the exporter and Prometheus, and an Alertmanager only when it is wanted', () => {
    const profiles = Object.entries(config.services).map(([name, service]) => [name, service.profiles])
    expect(Object.fromEntries(profiles)).toEqual({
      exporter: undefined,
      prometheus: undefined,
      alertmanager: ['alerting'],
    })
  })

  it('mounts files that are there; only secrets are brought by whoever starts it', () => {
    const ours = Object.values(config.services)
      .flatMap(({ volumes }) => volumes ?? [])
      .map((volume) => volume.split(':')[0]!)
      .filter((source) => source.startsWith(ROOT))
    expect(ours.length).toBeGreaterThan(4)
    expect(ours.filter((source) => !existsSync(source))).toEqual(
      existsSync(join(ROOT, 'secrets')) ? [] : [join(ROOT, 'secrets')],
    )
  })

  it('puts the rules where the configuration of Prometheus looks for them', () => {
    const { volumes } = config.services['prometheus']!
    expect(volumes).toEqual(
      expect.arrayContaining([
        `${join(ROOT, 'prometheus')}:/etc/prometheus:ro`,
        `${join(ROOT, 'alerts')}:/etc/alerts:ro`,
      ]),
    )
  })

  it('listens on the loopback address of the host only', () => {
    for (const name of ['prometheus', 'alertmanager']) {
      expect(config.services[name]?.command?.join(' '), name).toMatch(
        /--web\.listen-address=127\.0\.0\.1:909/,
      )
    }
  })
})
