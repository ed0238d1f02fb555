import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { main } from '../../../src/cli/main.ts'

async function run(...argv: string[]): Promise<{ code: number; out: string }> {
  const written: string[] = []
  const keep = (text: unknown): boolean => {
    written.push(String(text))
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(keep)
  vi.spyOn(process.stderr, 'write').mockImplementation(keep)
  vi.spyOn(console, 'log').mockImplementation(keep)
  const code = await main(argv)
  return { code, out: written.join('\n') }
}

afterEach(() => vi.restoreAllMocks())

describe('command line', () => {
  it('prints its version', async () => {
    const { code, out } = await run('--version')
    expect(code).toBe(0)
    expect(out).toMatch(/agent-exporter \d+\.\d+\.\d+/)
  })

  it('ends with 2 on an unknown option and suggests the right one', async () => {
    const { code, out } = await run('--web.listen-addres', 'x')
    expect(code).toBe(2)
    expect(out).toContain('--web.listen-address')
  })

  it.each([
    ['agnets', 'did you mean agents?'],
    ['nonsense', 'see agent-exporter --help'],
  ])('ends with 2 on %s, which is no command', async (name, hint) => {
    const { code, out } = await run(name)
    expect(code).toBe(2)
    expect(out).toContain(`unknown command '${name}'`)
    expect(out).toContain(hint)
  })

  it('ends with 2 on arguments that the daemon does not take', async () => {
    const { code, out } = await run('serve', 'agents')
    expect(code).toBe(2)
    expect(out).toContain('too many arguments')
  })

  it('ends with 2 on a bad value', async () => {
    expect((await run('--web.max-requests', 'none', '--once')).code).toBe(2)
    expect((await run('--log.level', 'loud', '--once')).code).toBe(2)
  })

  it('checks a configuration and tells every issue', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cli-'))
    writeFileSync(join(folder, 'good.yaml'), 'agents: { exposePaths: true }')
    writeFileSync(join(folder, 'bad.yaml'), 'agents: { exposePath: true, maxSeries: 1 }')
    expect((await run('check-config', join(folder, 'good.yaml'))).code).toBe(0)
    const bad = await run('check-config', join(folder, 'bad.yaml'))
    expect(bad.code).toBe(2)
    expect(bad.out).toContain('agents.exposePath: unknown key, did you mean exposePaths?')
    expect(bad.out).toContain('agents.maxSeries')
  })

  it('checks the files with secrets that a configuration names, as the daemon would', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cli-'))
    writeFileSync(join(folder, 'short'), 'secret')
    const tokens = ['absent', 'short'].map((name) => ({
      name,
      file: join(folder, name),
      scopes: ['control'],
    }))
    const alertmanager = { grafanaSecretFile: join(folder, 'short') }
    const store = { url: 'postgres://host/db', passwordFile: join(folder, 'none') }
    writeFileSync(join(folder, 'all.yaml'), JSON.stringify({ auth: { tokens }, alertmanager, store }))
    const { code, out } = await run('check-config', join(folder, 'all.yaml'))
    expect(code).toBe(2)
    expect(out.trim().split('\n')).toEqual([
      expect.stringMatching(/all\.yaml cannot be used:$/),
      expect.stringMatching(/auth\.tokens\[absent\]\.file: .* cannot be read \(ENOENT\)/),
      expect.stringMatching(/auth\.tokens\[short\]\.file: the token is shorter than/),
      expect.stringMatching(/alertmanager\.grafanaSecretFile: .* holds less than/),
      expect.stringMatching(/store\.passwordFile: .* cannot be read \(ENOENT\)/),
    ])
    expect(out).not.toContain('secret\n')
  })

  it('ends with 3 when no daemon answers', async () => {
    const { code, out } = await run('healthcheck', '--url', 'http://127.0.0.1:9')
    expect(code).toBe(3)
    expect(out).toContain('No agent-exporter answers')
  })

  it('says how an agent is continued by the journal, where an address was given and nobody answers', async () => {
    const resume = await run('resume', 'coder', '--url', 'http://127.0.0.1:9')
    expect(resume.code).toBe(3)
    expect(resume.out).toMatch(
      /No agent-exporter answers .*\. Without an address .* the journal of this host/,
    )
    const pause = await run('pause', 'coder', '--url', 'http://127.0.0.1:9')
    expect(pause.out).not.toContain('journal')
  })

  it.each(['bash', 'zsh', 'fish'])('completes commands and options for %s', async (shell) => {
    const { code, out } = await run('completion', shell)
    expect(code).toBe(0)
    expect(out).toContain('check-config')
    expect(out).toContain('web.listen-address')
  })

  it('knows no other shell', async () => expect((await run('completion', 'tcsh')).code).toBe(2))
})
