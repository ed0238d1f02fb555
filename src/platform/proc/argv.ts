import { cleanText } from '../text.ts'

/** Longest name that is kept of one argument. */
const LONGEST_NAME = 64
/** `env nice node script`: wrappers may be nested, but not forever. */
const DEEPEST = 6

/** Programs that run a script named in their arguments, with the options that take a value of their own. */
const INTERPRETERS: ReadonlyMap<string, { values: ReadonlySet<string>; code: ReadonlySet<string> }> = new Map(
  (
    [
      [
        ['node', 'nodejs', 'tsx', 'ts-node', 'electron'],
        [
          '-r',
          '--require',
          '--import',
          '--loader',
          '--experimental-loader',
          '-C',
          '--conditions',
          '--env-file',
          '--title',
        ],
        ['-e', '--eval', '-p', '--print', '-pe'],
      ],
      [
        ['bun', 'deno'],
        ['-r', '--preload', '--config', '-c', '--cwd', '--import-map'],
        ['-e', '--eval', 'eval'],
      ],
      [['python', 'pypy'], ['-W', '-X', '--check-hash-based-pycs'], ['-c']],
      [
        ['ruby', 'perl'],
        ['-I', '-r'],
        ['-e', '-E'],
      ],
      [['sh', 'bash', 'dash', 'zsh', 'ksh', 'fish', 'ash'], ['-o', '-O', '--rcfile', '--init-file'], ['-c']],
    ] as const
  ).flatMap(([names, values, code]) =>
    names.map((name) => [name, { values: new Set<string>(values), code: new Set<string>(code) }] as const),
  ),
)

/** Programs that run the program named in their arguments, with the options that take a value of their own. */
const WRAPPERS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  (
    [
      ['env', ['-u', '-C', '--unset', '--chdir']],
      ['nohup', []],
      ['setsid', []],
      ['nice', ['-n', '--adjustment']],
      ['ionice', ['-c', '-n', '-p']],
      ['stdbuf', ['-i', '-o', '-e']],
      ['taskset', []],
      ['timeout', ['-k', '-s', '--kill-after', '--signal']],
      ['time', ['-f', '-o']],
      ['sudo', ['-u', '-g', '-h', '-p', '-C', '-D', '-R', '-T', '--user', '--group']],
      ['doas', ['-u', '-C']],
      ['npx', ['-p', '--package', '-c', '--call', '-w', '--workspace']],
      ['bunx', ['-p', '--package']],
      ['pnpx', []],
      ['uvx', ['--from', '--with', '-p', '--python', '--index-url']],
      ['agent-exporter', []],
    ] as const
  ).map(([name, values]) => [name, new Set<string>(values)] as const),
)

/** Words between a runner and what it runs: `npm exec x`, `uv tool run x`, `bun run x`, `deno run x`. */
const RUNNERS: ReadonlyMap<string, readonly (readonly string[])[]> = new Map([
  ['npm', [['exec'], ['x']]],
  ['pnpm', [['dlx'], ['exec']]],
  ['yarn', [['dlx'], ['exec']]],
  ['uv', [['tool', 'run'], ['run']]],
  ['pipx', [['run']]],
  ['bun', [['x'], ['run']]],
  ['deno', [['run']]],
])

/** Scripts whose name says nothing; the npm package they lie in does. */
const GENERIC_SCRIPT = /^(cli|index|main|bin|start|run|app|entry|entrypoint)\.[cm]?[jt]s$/

/** Words a wrapper takes before the program: the duration of `timeout`, the mask of `taskset`. */
const POSITIONAL_BEFORE_PROGRAM: ReadonlySet<string> = new Set(['timeout', 'taskset'])

/**
 * Reduces a command line to what says which program it is: basename of argv[0], of the interpreter's script or
 * its module (`-m`, name), of what a wrapper or a runner's verb runs (`npm exec x`, `sh -c x`); a script called
 * `cli.js` is named by its npm package. Every other option, value, prompt, path and inline program is dropped:
 * they hold secrets, and none of them identifies an agent.
 *
 * `['/usr/bin/node', '--max-old-space-size=4096', '/x/node_modules/@anthropic-ai/claude-code/cli.js', '-p', 'hi']`
 * → `['node', 'claude-code']`
 */
export function reduceArgv(argv: readonly string[]): string[] {
  const names: string[] = []
  reduce(titleOrArguments(argv), names, 0)
  return names
}

/** A process that rewrote its title (`setproctitle`) shows one string with blanks: only its first word is a name. */
function titleOrArguments(argv: readonly string[]): readonly string[] {
  const first = argv[0]
  if (first === undefined) return []
  const alone = argv.length === 1 || argv.slice(1).every((argument) => argument === '')
  return alone ? [first.trimStart().split(/\s/, 1)[0] ?? ''] : argv
}

function reduce(argv: readonly string[], names: string[], depth: number): void {
  const path = argv[0]
  if (path === undefined || path === '' || depth > DEEPEST) return
  const name = nameOf(path)
  const packageName = depth > 0 && GENERIC_SCRIPT.test(name) ? packageOf(path) : undefined
  names.push(packageName ?? name)
  if (packageName !== undefined) return
  const program = familyOf(name)
  const runner = RUNNERS.get(program)?.find((words) => words.every((word, i) => argv[i + 1] === word))
  if (runner !== undefined) names.push(...runner)
  const rest = argv.slice(1 + (runner?.length ?? 0))
  const interpreter = INTERPRETERS.get(program)
  const wrapperValues = WRAPPERS.get(program)
  if (interpreter !== undefined) reduceScript(rest, interpreter, names, depth)
  else if (wrapperValues !== undefined) reduceInner(program, rest, wrapperValues, names, depth)
  else if (runner !== undefined) reduceInner(program, rest, new Set(), names, depth)
}

function reduceScript(
  rest: readonly string[],
  options: { values: ReadonlySet<string>; code: ReadonlySet<string> },
  names: string[],
  depth: number,
): void {
  for (let i = 0; i < rest.length; i++) {
    const argument = rest[i]!
    if (argument === '-m') {
      const module = rest[i + 1]
      if (module !== undefined && /^[A-Za-z_][\w.]*$/.test(module)) names.push('-m', shorten(module))
      return
    }
    if (argument === '--') continue
    if (options.code.has(argument) || SHELL_CODE.test(argument)) {
      reduceCode(argument, rest[i + 1], names)
      return
    }
    if (options.values.has(argument)) i++
    else if (!argument.startsWith('-')) {
      reduce(rest.slice(i), names, depth + 1)
      return
    }
  }
}

/** `sh -lc`: the last letter takes the program text. */
const SHELL_CODE = /^-[a-z]*c$/

/** Program text is dropped, but `sh -c claude` runs just that program. */
function reduceCode(option: string, code: string | undefined, names: string[]): void {
  if (SHELL_CODE.test(option) && code !== undefined && /^[\w./@-]+$/.test(code))
    names.push('-c', nameOf(code))
}

function reduceInner(
  program: string,
  rest: readonly string[],
  values: ReadonlySet<string>,
  names: string[],
  depth: number,
): void {
  let positionalFirst = POSITIONAL_BEFORE_PROGRAM.has(program)
  for (let i = 0; i < rest.length; i++) {
    const argument = rest[i]!
    if (argument === '-c' || argument === '--call') return
    if (values.has(argument)) i++
    else if (argument.startsWith('-')) continue
    else if (/^[A-Za-z_]\w*=/.test(argument)) continue
    else if (positionalFirst) {
      positionalFirst = false
      names.push(shorten(argument))
    } else {
      reduce([withoutVersion(argument), ...rest.slice(i + 1)], names, depth + 1)
      return
    }
  }
}

/** `python3.12` is a python, `-bash` a bash, `node.exe` a node. */
function familyOf(name: string): string {
  const plain = name.replace(/^-/, '').replace(/\.exe$/i, '')
  return /^(python|pypy|ruby|perl)[\d.]+$/.exec(plain)?.[1] ?? plain
}

/** `@scope/agent@1.2.3` → `@scope/agent`; `agent==1.0` → `agent`. */
function withoutVersion(name: string): string {
  return name.replace(/(?<=.)@[^/]*$/, '').replace(/[=<>~!].*$/, '')
}

function nameOf(path: string): string {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return shorten(path.slice(end + 1))
}

/** The npm package of a script inside `node_modules`, without its scope. */
function packageOf(path: string): string | undefined {
  const found = /[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?([^/\\]+)[/\\]/.exec(path)?.[1]
  if (found === undefined || found.startsWith('.')) return undefined
  return shorten(found)
}

function shorten(name: string): string {
  return cleanText(name, LONGEST_NAME)
}
