import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { runCli } from '../../support/command-line.ts'
import { temporaryFolder } from '../../support/folder.ts'

interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly { readonly expr: string }[] }[]
}

describe('agent-exporter rules', () => {
  it('prints one file of rules', async () => {
    const { code, out, err } = await runCli('rules')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const names = (parse(out) as Rules).groups.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['agent-memory', 'agent-usage-recorded']))
  })

  it('prints only a part', async () => {
    const { out } = await runCli('rules', '--only', 'recording')
    for (const { name } of (parse(out) as Rules).groups) expect(name).toMatch(/-recorded$/)
    const alertmanager = await runCli('rules', '--only', 'alertmanager')
    expect(parse(alertmanager.out)).toHaveProperty('route')
    expect(alertmanager.err).toContain('--write DIR')
  })

  it('prints them for another job', async () => {
    const { out } = await runCli('rules', '--set', 'selector=job="fleet"', '--set', 'interval=60s')
    const expressions = (parse(out) as Rules).groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))
    expect(expressions.join('\n')).toContain('{job="fleet"}[4m]')
    expect(expressions.join('\n')).not.toContain('agent-exporter"')
  })

  it('writes them and says so, and the second time that nothing changed', async () => {
    using folder = temporaryFolder()
    const written = await runCli('rules', '--write', folder.path)
    expect(written.code).toBe(0)
    expect(written.out).toMatch(/^In .*:\nwritten {4}alerts\/agents\.rules\.yml\n/)
    expect(written.out).toContain('written    alertmanager/templates/agent-exporter.tmpl\n')
    const again = await runCli('rules', '--write', folder.path)
    expect(again.out.match(/^\w+(?= )/gm)?.filter((fate) => fate !== 'unchanged')).toEqual(['In'])
  })

  it('tells of what is left over only when everything was asked for', async () => {
    using folder = temporaryFolder()
    await runCli('rules', '--write', folder.path)
    const part = await runCli('rules', '--write', folder.path, '--only', 'alerts')
    expect(part.out).not.toContain('left over')
    const mixin = await runCli('rules', '--write', folder.path, '--format', 'mixin')
    expect(mixin.out).toContain('left over  alerts/agents.rules.yml\n')
  })

  it('replaces an edited file only when it is told to', async () => {
    using folder = temporaryFolder()
    const write = (...more: string[]) => runCli('rules', '--write', folder.path, '--format', 'mixin', ...more)
    await write()
    await write('--set', 'interval=30s')
    const config = join(folder.path, 'config.libsonnet')
    expect(readFileSync(config, 'utf8')).toContain('agentExporterIntervalSeconds: 30,')
    writeFileSync(config, '{}')
    const refused = await write()
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toMatch(/^AE_FILE_EXISTS: .*: config\.libsonnet\. Nothing was written; --force/)
    expect((await write('--force')).out).toContain('replaced   config.libsonnet')
  })

  it('needs neither a daemon nor a data directory', async () => {
    using folder = temporaryFolder()
    const data = join(folder.path, 'data')
    expect((await runCli('--data.dir', data, 'rules')).code).toBe(0)
    expect(existsSync(data)).toBe(false)
  })
})
