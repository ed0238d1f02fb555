import type { Command } from 'commander'
import { CliError, EXIT } from './exit.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** `agent-exporter completion SHELL`: prints a script made from the commands and options that exist. */
export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a shell completion script (bash, zsh, fish)')
    .argument('<shell>', SHELLS.join(' | '))
    .action((shell: string) => {
      const commands = program.commands.map((command) => ({
        name: command.name(),
        description: command.description(),
        options: command.options.flatMap(({ long }) => (long ? [long] : [])),
      }))
      const flags = program.options.flatMap(({ long }) => (long ? [long] : []))
      if (shell === 'bash') console.log(bash(commands, flags))
      else if (shell === 'zsh')
        console.log(`autoload -U +X bashcompinit && bashcompinit\n${bash(commands, flags)}`)
      else if (shell === 'fish') console.log(fish(commands, flags))
      else throw new CliError(EXIT.usage, `Unknown shell ${shell}; known: ${SHELLS.join(', ')}.`)
    })
}

interface Described {
  readonly name: string
  readonly description: string
  readonly options: readonly string[]
}

function bash(commands: readonly Described[], flags: readonly string[]): string {
  const cases = commands.map(({ name, options }) => `    ${name}) words="${options.join(' ')}" ;;`).join('\n')
  return `_agent_exporter() {
  local words="${[...commands.map(({ name }) => name), ...flags].join(' ')}"
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
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
