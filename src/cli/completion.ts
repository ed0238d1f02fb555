import { Argument, type Command } from 'commander'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** `agent-exporter completion SHELL`: prints a script made from the commands and options that exist. */
export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a shell completion script (bash, zsh, fish)')
    .addArgument(new Argument('<shell>', SHELLS.join(' | ')).choices(SHELLS))
    .action((shell: string) => {
      const commands = program.commands.map(describe)
      const flags = program.options.flatMap(({ long }) => (long ? [long] : []))
      if (shell === 'bash') console.log(bash(commands, flags))
      else if (shell === 'zsh')
        console.log(`autoload -U +X bashcompinit && bashcompinit\n${bash(commands, flags)}`)
      else console.log(fish(commands, flags))
    })
}

interface Described {
  readonly name: string
  readonly description: string
  readonly options: readonly string[]
  /** What may follow the command besides its options: commands below it, and the known values of its argument. */
  readonly words: readonly string[]
  /** Known values of its options. */
  readonly choices: readonly { readonly option: string; readonly values: readonly string[] }[]
}

function describe(command: Command): Described {
  const options = command.options.flatMap(({ long }) => (long ? [long] : []))
  const values = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
  return {
    name: command.name(),
    description: command.description(),
    options,
    words: [...command.commands.map((below) => below.name()), ...values],
    choices: command.options.flatMap(({ long, argChoices }) =>
      long && argChoices ? [{ option: long, values: argChoices }] : [],
    ),
  }
}

/**
 * The word after which options are offered is the first that is a command, wherever flags of the daemon stand. Where
 * nothing of ours fits the shell offers files.
 */
function bash(commands: readonly Described[], flags: readonly string[]): string {
  const cases = commands
    .map(
      ({ name, options, words }) =>
        `      ${name}) command=$word words="${[...options, ...words].join(' ')}"; break ;;`,
    )
    .join('\n')
  const values = commands
    .flatMap(({ name, choices }) =>
      choices.map(({ option, values }) => `    '${name} ${option}') words="${values.join(' ')}" ;;`),
    )
    .join('\n')
  return `_agent_exporter() {
  local word command= words="${[...commands.map(({ name }) => name), ...flags].join(' ')}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
${cases}
    esac
  done
  case "$command \${COMP_WORDS[COMP_CWORD-1]}" in
${values}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _agent_exporter agent-exporter`
}

function fish(commands: readonly Described[], flags: readonly string[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`
  return [
    ...commands.map(
      ({ name, description }) =>
        `complete -c agent-exporter -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ),
    ...flags.map((flag) => `complete -c agent-exporter -n __fish_use_subcommand -l ${flag.slice(2)}`),
    ...commands.flatMap(({ name, options, words, choices }) => {
      const after = `complete -c agent-exporter -n '__fish_seen_subcommand_from ${name}'`
      const plain = options.filter((option) => !choices.some((choice) => choice.option === option))
      return [
        ...words.map((word) => `${after} -a ${word}`),
        ...plain.map((option) => `${after} -l ${option.slice(2)}`),
        ...choices.map(
          ({ option, values }) => `${after} -l ${option.slice(2)} -x -a ${quoted(values.join(' '))}`,
        ),
      ]
    }),
  ].join('\n')
}
