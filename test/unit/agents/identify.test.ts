import { describe, expect, it } from 'vitest'
import { matchCommand, readMarker } from '../../../src/agents/identify.ts'

const COMMANDS = new Set([
  'claude',
  'codex',
  'gemini',
  'aider',
  'goose',
  'opencode',
  'copilot',
  'cursor-agent',
  'openhands',
])
const vendorOf = (line: string, comm = line.split(' ')[0]!) =>
  matchCommand(line === '' ? [] : line.split(' '), comm, COMMANDS)?.vendor

describe('a known command is found however it is started', () => {
  it.each([
    ['claude', 'claude'],
    ['claude -p hello', 'claude'],
    ['cursor-agent chat', 'cursor-agent'],
    ['node claude', 'claude'],
    ['node --max-old-space-size=4096 --require hook.js claude.js -c', 'claude'],
    ['nodejs codex.mjs', 'codex'],
    ['bun run gemini.ts', 'gemini'],
    ['deno run -A gemini.ts', 'gemini'],
    ['python -m aider', 'aider'],
    ['python3.12 -X dev -m aider --model x', 'aider'],
    ['python3 aider', 'aider'],
    ['python3 -u openhands.py', 'openhands'],
    ['bash claude', 'claude'],
    ['sh -c claude', 'claude'],
    ['npx claude', 'claude'],
    ['npx -y claude-code@latest', 'claude'],
    ['npx --package x gemini-cli', 'gemini'],
    ['node npx claude', 'claude'],
    ['node npx-cli.js', undefined],
    ['npm exec codex', 'codex'],
    ['uvx --from aider-chat aider', 'aider'],
    ['uv tool run aider', 'aider'],
    ['pipx run aider-chat', 'aider'],
    ['env -u HOME A=1 B=2 claude', 'claude'],
    ['nohup nice -n 5 timeout 60 goose session', 'goose'],
    ['sudo -u bob copilot', 'copilot'],
  ])('%s', (line, vendor) => {
    expect(vendorOf(line)).toBe(vendor)
  })

  it('believes the name a program gave itself when its script says nothing', () => {
    expect(vendorOf('node cli.js', 'claude')).toBe('claude')
    expect(vendorOf('', 'cursor-agent')).toBe('cursor-agent')
  })
})

describe('naming an agent is not being one', () => {
  it.each([
    'vim claude',
    'grep -r claude .',
    'tail -f claude.log',
    'less codex',
    'node server.js claude',
    'node -e claude.start()',
    'python -m http.server aider',
    'python -c import-aider aider',
    'npm install claude',
    'pipx install aider-chat',
    'bash -c grep claude',
    'bash script.sh claude',
    'git clone claude',
    'ssh host claude',
    'docker run claude',
    'timeout 5 grep claude',
    'claude-helper',
    'claudette',
    'node',
    '-bash',
    'env',
    'env A=claude',
  ])('%s', (line) => {
    expect(vendorOf(line)).toBeUndefined()
  })

  it('does not take a comm against a command line that says otherwise', () => {
    expect(vendorOf('vim notes.txt', 'claude')).toBeUndefined()
  })

  it('takes inherited names of objects for no launcher and no command', () => {
    expect(vendorOf('constructor claude')).toBeUndefined()
    expect(vendorOf('__proto__ claude')).toBeUndefined()
    expect(vendorOf('npx toString')).toBeUndefined()
  })

  it('gives up on endless launchers', () => {
    expect(vendorOf(`${'env '.repeat(5_000)}claude`)).toBeUndefined()
  })

  it('knows only the configured commands', () => {
    expect(matchCommand(['my-agent'], 'my-agent', new Set(['my-agent']))?.vendor).toBe('my-agent')
    expect(matchCommand(['npx', 'claude-code'], 'npx', new Set(['my-agent']))).toBeUndefined()
  })
})

describe('marker', () => {
  it('reads id, role, workspace and the meant incarnation', () => {
    expect(
      readMarker({
        AGENT_EXPORTER_AGENT: 'team:a.b@c-1',
        AGENT_EXPORTER_ROLE: 'coder',
        AGENT_EXPORTER_WORKSPACE: '/srv/x',
        AGENT_EXPORTER_INCARNATION: 'boot:ns:1:2',
      }),
    ).toEqual({ id: 'team:a.b@c-1', role: 'coder', workspace: '/srv/x', incarnation: 'boot:ns:1:2' })
  })

  it.each(['', '-x', 'a b', 'a\nb', 'ä', 'x'.repeat(129), '../x'])('takes %j for no id', (id) => {
    expect(readMarker({ AGENT_EXPORTER_AGENT: id })).toBeUndefined()
  })
})
