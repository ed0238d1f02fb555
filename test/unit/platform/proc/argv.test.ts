import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reduceArgv } from '../../../../src/platform/proc/argv.ts'

describe('reduceArgv', () => {
  it.each([
    [['/usr/local/bin/claude', '-p', 'my secret prompt', '--api-key', 'sk-1'], ['claude']],
    [['claude'], ['claude']],
    [['claude --resume /home/me/secret'], ['claude']],
    [
      ['node', '/usr/local/bin/claude', '--print', 'hi'],
      ['node', 'claude'],
    ],
    [
      ['/usr/bin/node', '--max-old-space-size=4096', '--require', '/x/hook.js', '/x/bin/gemini', 'chat'],
      ['node', 'gemini'],
    ],
    [
      ['node', '/x/node_modules/@anthropic-ai/claude-code/cli.js', 'prompt'],
      ['node', 'claude-code'],
    ],
    [['node', '-e', 'process.env.SECRET'], ['node']],
    [
      ['python3.12', '-m', 'aider', '--openai-api-key', 'sk-2'],
      ['python3.12', '-m', 'aider'],
    ],
    [
      ['python', '-u', '/home/me/.venv/bin/aider', '--msg', 'x'],
      ['python', 'aider'],
    ],
    [['python3', '-c', 'import secrets'], ['python3']],
    [['bash', '-c', 'curl -H "Authorization: x"'], ['bash']],
    [['-bash', '-lc', 'claude --key secret'], ['-bash']],
    [
      ['sh', '-c', '/usr/bin/claude'],
      ['sh', '-c', 'claude'],
    ],
    [
      ['node', '/x/node_modules/.bin/codex'],
      ['node', 'codex'],
    ],
    [
      ['/bin/sh', '/opt/run-agent.sh', 'token'],
      ['sh', 'run-agent.sh'],
    ],
    [
      ['npx', '-y', '@openai/codex@0.5.0', 'do it'],
      ['npx', 'codex'],
    ],
    [
      ['npm', 'exec', '@google/gemini-cli', '--yolo'],
      ['npm', 'exec', 'gemini-cli'],
    ],
    [['npm', 'run', 'deploy', '--token=x'], ['npm']],
    [
      ['uvx', '--from', 'aider-chat', 'aider', '--msg', 'x'],
      ['uvx', 'aider'],
    ],
    [
      ['uv', 'tool', 'run', 'aider-chat==0.5'],
      ['uv', 'tool', 'run', 'aider-chat'],
    ],
    [
      ['env', 'API_KEY=secret', '-u', 'X', 'goose', 'run'],
      ['env', 'goose'],
    ],
    [
      ['timeout', '-k', '5', '60', 'nice', '-n', '10', 'node', '/x/opencode'],
      ['timeout', '60', 'nice', 'node', 'opencode'],
    ],
    [
      ['bun', 'run', '/x/opencode'],
      ['bun', 'run', 'opencode'],
    ],
    [
      ['C:\\Program Files\\nodejs\\node.exe', 'C:\\x\\claude.js'],
      ['node.exe', 'claude.js'],
    ],
    [['cat', '/etc/shadow', 'sk-3'], ['cat']],
    [[''], []],
    [[], []],
  ])('%j → %j', (argv, expected) => {
    expect(reduceArgv(argv)).toEqual(expected)
  })

  it('never lets a value after the program through', () => {
    const noise = fc.string({ minLength: 1 }).map((text) => `SECRET${text}`)
    fc.assert(
      fc.property(fc.constantFrom('claude', '/bin/cat', 'git', 'vim'), fc.array(noise), (program, rest) => {
        expect(reduceArgv([program, ...rest]).join(' ')).not.toContain('SECRET')
      }),
    )
  })

  it('ends for every command line and prints safely', () => {
    const word = fc.oneof(
      fc.constantFrom('node', 'env', 'npx', 'timeout', '-m', '--', '-c', 'run'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        for (const name of reduceArgv(argv)) {
          expect(name.length).toBeLessThanOrEqual(64)
          expect(name).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
        }
      }),
    )
  })
})
