import { Argument, type Command } from 'commander'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** `agent-exporter completion SHELL`: prints a script made from the commands and options that exist. */
export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a shell completion script (bash, zsh, fish)')
    .addArgument(new Argument('<shell>', SHELLS.join(' | ')).choices(SHELLS))
    .action((shell: string) => {
      const commands = program.commands.map((command) => {
        const options = command.options.flatMap(({ long }) => (long ? [long] : []))
        const values = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
        return {
          name: command.name(),
          description: command.description(),
          options,
          words: [...options, ...values],
        }
      })
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
  /** What may follow the command: its options and the known values of its argument. */
  readonly words: readonly string[]
}

/** The word after which options are offered is the first that is a command, wherever flags of the daemon stand. */
function bash(commands: readonly Described[], flags: readonly string[]): string {
  const cases = commands
    .map(({ name, words }) => `      ${name}) words="${words.join(' ')}"; break ;;`)
    .join('\n')
  return `_agent_exporter() {
  local word words="${[...commands.map(({ name }) => name), ...flags].join(' ')}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
${cases}
    esac
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _agent_exporter agent-exporter`
}

function fish(commands: readonly Described[], flags: readonly string[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`
  return [
    ...commands.map(
      ({ name, description }) =>
        `complete -c agent-exporter -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ),
    ...flags.map((flag) => `complete -c agent-exporter -n __fish_use_subcommand -l ${flag.slice(2)}`),
    ...commands.flatMap(({ name, options }) =>
      options.map(
        (option) =>
          `complete -c agent-exporter -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`,
      ),
    ),
  ].join('\n')
}
