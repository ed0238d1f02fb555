import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createProgram } from '../../../src/cli/main.ts'
import { displayWidth } from '../../../src/cli/width.ts'
import { runCli } from '../../support/command-line.ts'
import { enterTerminal, leaveTerminal, type Mode, UNSAFE } from '../../support/terminal-modes.ts'

const GOLDEN = join(import.meta.dirname, '../../fixtures/golden/cli')

afterEach(leaveTerminal)

const COMMANDS: readonly (readonly string[])[] = [
  [],
  ...createProgram().commands.flatMap((command) => [
    [command.name()],
    ...command.commands.map((one) => [command.name(), one.name()]),
  ]),
]

async function helpOf(argv: readonly string[], columns: number | undefined, mode: Mode): Promise<string> {
  enterTerminal(columns ?? Number.NaN, mode)
  const { code, out, err } = await runCli(...argv, '--help')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

const wordsOf = (page: string): string[] => page.split(/\s+/)

describe.each([80, 140])('help on %i columns', (columns) => {
  it('of every command fits, without colour, and nothing is cut', async () => {
    const pages: string[] = []
    for (const argv of COMMANDS) {
      const page = await helpOf(argv, columns, 'terminal')
      expect(await helpOf(argv, columns, 'no-color')).toBe(page)
      expect(await helpOf(argv, columns, 'pipe')).toBe(page)
      for (const line of page.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(columns)
      expect(page).not.toMatch(UNSAFE)
      expect(wordsOf(page)).toEqual(wordsOf(await helpOf(argv, 10_000, 'pipe')))
      pages.push(`$ ${['agent-exporter', ...argv, '--help'].join(' ')}\n${page}`)
    }
    await expect(pages.join('\n')).toMatchFileSnapshot(join(GOLDEN, `help-${columns}.txt`))
  })
})

it('is as wide as the usual terminal into a pipe that has no width', async () => {
  for (const argv of COMMANDS)
    expect(await helpOf(argv, undefined, 'pipe')).toBe(await helpOf(argv, 80, 'pipe'))
})
