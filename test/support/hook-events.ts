/**
 * What the vendors' hook references say that a hook reads on standard input: one event of each kind that the settings of
 * docs/wiring.md name. The first one of each comes before a tool is run. Contents stand in for what must never be sent.
 */
export const HOOK_EVENTS: Readonly<
  Record<'claude' | 'codex' | 'gemini', readonly Readonly<Record<string, unknown>>[]>
> = {
  claude: claudeEvents(),
  codex: codexEvents(),
  gemini: geminiEvents(),
}

/** https://code.claude.com/docs/en/hooks */
function claudeEvents() {
  const common = {
    session_id: '6f5c',
    transcript_path: '/home/u/.claude/projects/p/6f5c.jsonl',
    cwd: '/home/u/p',
    permission_mode: 'default',
  }
  const tool = (hook_event_name: string, tool_name: string, tool_input: object, tool_response?: object) => ({
    ...{ ...common, hook_event_name, tool_name, tool_input, tool_use_id: `toolu_${tool_name}` },
    ...(tool_response && { tool_response, duration_ms: 12 }),
  })
  const file = { file_path: '/home/u/p/a.ts' }
  const written = { ...file, content: 'secret' }
  const edited = { ...file, old_string: 'a', new_string: 'b' }
  return [
    tool('PreToolUse', 'Bash', { command: 'npm test', description: 'Run the tests' }),
    tool('PostToolUse', 'Read', file, {
      type: 'text',
      file: { filePath: file.file_path, content: 'secret' },
    }),
    tool('PostToolUse', 'Write', written, { type: 'create', filePath: file.file_path }),
    tool('PostToolUse', 'Write', written, { type: 'update', filePath: file.file_path }),
    tool('PostToolUse', 'Edit', edited, { filePath: file.file_path }),
    tool(
      'PostToolUse',
      'Bash',
      { command: 'npm test' },
      { stdout: 'secret', stderr: '', interrupted: false },
    ),
    { ...common, hook_event_name: 'PostToolBatch', tool_calls: [{ tool_name: 'Read', tool_input: file }] },
    { ...common, hook_event_name: 'SubagentStart', agent_id: 'a1', agent_type: 'Explore' },
    {
      ...common,
      hook_event_name: 'SubagentStop',
      agent_id: 'a1',
      agent_type: 'Explore',
      stop_hook_active: false,
    },
    { ...common, hook_event_name: 'Stop', stop_hook_active: false, last_assistant_message: 'secret' },
    { ...common, hook_event_name: 'TaskCompleted', task_id: 't1', task_subject: 'secret' },
    { ...common, hook_event_name: 'SessionEnd', reason: 'other' },
  ]
}

/** https://developers.openai.com/codex/hooks and the schemas beside the source */
function codexEvents() {
  const common = {
    session_id: '0198',
    turn_id: 't-7',
    transcript_path: null,
    cwd: '/home/u/p',
    model: 'gpt-5-codex',
    permission_mode: 'default',
  }
  const patch = [
    '*** Begin Patch',
    '*** Add File: a.ts',
    '+secret',
    '*** Update File: b.ts',
    '@@',
    '-x',
    '+*** Add File: not a file',
    '*** Delete File: c.ts',
    '*** End Patch',
  ].join('\n')
  const patched = { tool_name: 'apply_patch', tool_input: { command: patch }, tool_use_id: 'call_2' }
  return [
    {
      ...common,
      hook_event_name: 'PreToolUse',
      tool_name: 'Bash',
      tool_input: { command: 'ls' },
      tool_use_id: 'call_1',
    },
    { ...common, hook_event_name: 'PreToolUse', ...patched },
    { ...common, hook_event_name: 'PostToolUse', ...patched, tool_response: 'Success' },
    { ...common, hook_event_name: 'SubagentStart', agent_id: '0199', agent_type: 'worker' },
    { ...common, hook_event_name: 'Stop', stop_hook_active: false, last_assistant_message: 'secret' },
  ]
}

/** https://geminicli.com/docs/hooks/reference */
function geminiEvents() {
  const common = {
    session_id: '77',
    transcript_path: '/home/u/.gemini/tmp/77.json',
    cwd: '/home/u/p',
    timestamp: '2026-11-22T10:00:00.000Z',
  }
  const after = (tool_name: string, tool_input: object, error?: string) => ({
    ...{ ...common, hook_event_name: 'AfterTool', tool_name, tool_input },
    tool_response: { llmContent: 'secret', returnDisplay: '', ...(error && { error }) },
  })
  return [
    {
      ...common,
      hook_event_name: 'BeforeTool',
      tool_name: 'run_shell_command',
      tool_input: { command: 'ls' },
    },
    {
      ...common,
      hook_event_name: 'BeforeModel',
      llm_request: { model: 'gemini-3-pro', messages: [], config: {} },
    },
    after('read_file', { file_path: 'a.ts' }),
    after('write_file', { file_path: 'a.ts', content: 'secret' }),
    after('replace', { file_path: 'a.ts' }),
    after('replace', { file_path: 'b.ts' }, 'no such text'),
  ]
}
