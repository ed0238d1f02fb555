// A hook for Claude Code, Codex and Gemini CLI: tells agent-exporter what the agent does, and refuses the next step
// while the agent is paused or over its budget. Only counts leave: no prompt, path, command or output is sent.
//
//   node agent-hook.mjs [--strict]     --strict: refuse also when the exporter cannot be asked
//
// Reads one event on standard input. AGENT_EXPORTER_AGENT says who the agent is; without it nothing is done.
// Exit code 2 is what all three agents take as "blocked, because: standard error"; everything else goes ahead.
const { AGENT_EXPORTER_AGENT: agent, AGENT_EXPORTER_TOKEN: token } = process.env
const url = process.env.AGENT_EXPORTER_URL || 'http://127.0.0.1:10780'
const isStrict = process.argv.includes('--strict')
/** Shorter than the time that the settings give a hook. */
const TIMEOUT_MS = 2_000
const REFUSED = 2

/** What each event tells. The gate comes before a step, a record after it. */
const EVENTS = {
  // Claude Code, and Codex as far as it has them
  PreToolUse: gate,
  PostToolUse: ({ tool_name, tool_input, tool_response }) =>
    record(filesOf(tool_name, tool_input, tool_response)),
  // One answer of the model ends in a batch of tool calls or ends the turn.
  PostToolBatch: () => record({ apiCalls: 1 }),
  Stop: ({ turn_id }) => (turn_id === undefined ? record({ apiCalls: 1 }) : undefined),
  SubagentStop: ({ turn_id }) => (turn_id === undefined ? record({ apiCalls: 1 }) : undefined),
  SubagentStart: () => record({ subtasks: 1 }),
  TaskCompleted: () => send('POST', 'deliverables', { type: 'task_completed' }),
  // Gemini CLI
  BeforeTool: gate,
  BeforeModel: async () => {
    await gate()
    await record({ apiCalls: 1 })
  },
  AfterTool: ({ tool_name, tool_input, tool_response }) =>
    tool_response?.error ? undefined : record(filesOf(tool_name, tool_input, tool_response)),
}

const OPERATIONS = {
  ...{ Read: 'read', Write: 'write', Edit: 'modify', MultiEdit: 'modify', NotebookEdit: 'modify' },
  ...{ read_file: 'read', write_file: 'write', replace: 'modify' },
}
/** The lines of a patch of Codex that begin a file. */
const PATCHED = /^\*\*\* (Add|Update|Delete) File: /gm

function filesOf(tool, input, response) {
  if (tool === 'apply_patch') {
    const files = [...String(input?.command ?? '').matchAll(PATCHED)]
    return { files: files.map(([, what]) => ({ op: what === 'Add' ? 'write' : 'modify' })) }
  }
  const op = tool === 'Write' && response?.type === 'update' ? 'modify' : OPERATIONS[tool]
  return { files: op === undefined ? [] : [{ op }] }
}

async function record(usage) {
  if (usage.files?.length === 0) return
  await send('POST', 'usage', { ...usage, source: 'hook' })
}

async function gate() {
  let answer
  try {
    answer = await send('GET', 'gate')
  } catch (error) {
    if (isStrict) refuse(`agent-exporter cannot be asked (${error.message}).`)
    return
  }
  if (answer.allowed === false) refuse(`${answer.reason} Stop here and say what is done and what is left.`)
}

function refuse(why) {
  process.stderr.write(`${why}\n`)
  process.exit(REFUSED)
}

async function send(method, what, body) {
  const answer = await fetch(new URL(`/api/v1/agents/${encodeURIComponent(agent)}/${what}`, url), {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${answer.status} ${text.slice(0, 200)}`)
  return JSON.parse(text)
}

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
try {
  const event = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  if (agent) await EVENTS[event.hook_event_name]?.(event)
} catch (error) {
  // Telling is not worth stopping the agent: exit code 1 is shown and the agent goes on.
  process.stderr.write(`agent-hook: ${error.message}\n`)
  process.exitCode = 1
}
