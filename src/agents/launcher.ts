/**
 * Programs that run another program: what follows on the command line is what really runs. One entry says how
 * to find where that is.
 */
export interface Launcher {
  /** `exec`: the next word is a command line. `script`: the next word is a file that this program interprets. */
  readonly runs: 'exec' | 'script'
  /** Options whose value is the following word. */
  readonly valued?: readonly string[]
  /** Words that must or may stand before the command: `uv tool run`, `deno run`. */
  readonly verbs?: readonly string[]
  /** Without one of its verbs it does not run anything: `npm install claude`. */
  readonly needsVerb?: true
  /** Positional words before the command: the duration of `timeout`. */
  readonly skips?: number
  /** `NAME=value` words may stand before the command. */
  readonly assignments?: true
  /** Option whose value is a module to run: `python -m aider`. */
  readonly module?: string
  /** Options whose value is source text; it counts only when it is exactly a command: `sh -c claude`. */
  readonly source?: readonly string[]
}

const NODE: Launcher = {
  runs: 'script',
  valued: [
    '-r',
    '--require',
    '--import',
    '--loader',
    '--experimental-loader',
    '-C',
    '--conditions',
    '--env-file',
  ],
  source: ['-e', '--eval', '-p', '--print', '-pe'],
}
const PYTHON: Launcher = {
  runs: 'script',
  valued: ['-W', '-X', '--check-hash-based-pycs'],
  module: '-m',
  source: ['-c'],
}
const SHELL: Launcher = {
  runs: 'script',
  valued: ['-o', '-O', '+O', '--rcfile', '--init-file'],
  source: ['-c', '-lc', '-ic', '-ec', '-xc'],
}
const PACKAGE: Launcher = {
  runs: 'exec',
  valued: ['-p', '--package', '--from', '--with', '--python', '--spec'],
}
const PACKAGE_VERB: Launcher = { ...PACKAGE, needsVerb: true }

const LAUNCHERS: Readonly<Record<string, Launcher>> = {
  node: NODE,
  nodejs: NODE,
  bun: {
    runs: 'script',
    valued: ['-r', '--preload', '--cwd'],
    verbs: ['run', 'x'],
    source: ['-e', '--eval'],
  },
  deno: { runs: 'script', valued: ['-c', '--config', '--import-map'], verbs: ['run'], needsVerb: true },
  tsx: { runs: 'script' },
  sh: SHELL,
  bash: SHELL,
  dash: SHELL,
  zsh: SHELL,
  npx: PACKAGE,
  bunx: PACKAGE,
  pnpx: PACKAGE,
  uvx: PACKAGE,
  npm: { ...PACKAGE_VERB, verbs: ['exec', 'x'] },
  pnpm: { ...PACKAGE_VERB, verbs: ['exec', 'dlx'] },
  yarn: { ...PACKAGE_VERB, verbs: ['exec', 'dlx'] },
  pipx: { ...PACKAGE_VERB, verbs: ['run'] },
  uv: { ...PACKAGE_VERB, verbs: ['tool', 'run'] },
  env: { runs: 'exec', valued: ['-u', '--unset', '-C', '--chdir'], assignments: true },
  sudo: { runs: 'exec', valued: ['-u', '-g', '-h', '-p', '-C', '-D', '-R', '-T'], assignments: true },
  doas: { runs: 'exec', valued: ['-u', '-C'] },
  nohup: { runs: 'exec' },
  setsid: { runs: 'exec' },
  stdbuf: { runs: 'exec', valued: ['-i', '-o', '-e'] },
  nice: { runs: 'exec', valued: ['-n'] },
  ionice: { runs: 'exec', valued: ['-c', '-n'] },
  timeout: { runs: 'exec', valued: ['-k', '-s'], skips: 1 },
  taskset: { runs: 'exec', skips: 1 },
}

const PYTHON_NAME = /^(python|pypy)(\d+(\.\d+)*)?$/

/** The launcher of this name, if it is one. A login shell (`-bash`) is a shell. */
export function launcher(name: string): Launcher | undefined {
  const plain = name.startsWith('-') ? name.slice(1) : name
  if (PYTHON_NAME.test(plain)) return PYTHON
  return Object.hasOwn(LAUNCHERS, plain) ? LAUNCHERS[plain] : undefined
}
