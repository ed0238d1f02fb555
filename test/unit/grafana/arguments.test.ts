import { expect, it } from 'vitest'
import { readArguments, UsageError } from '../../../scripts/grafana/arguments.ts'

it('takes versions in the order that was given, and how long to wait', () => {
  expect(readArguments(['10.4.19', '13.0.0-beta1'])).toEqual({
    versions: ['10.4.19', '13.0.0-beta1'],
    waitSeconds: 60,
  })
  expect(readArguments(['--wait', '0', '12.3.0'])).toEqual({ versions: ['12.3.0'], waitSeconds: 0 })
})

it.each([[[]], [['latest']], [['12.x']], [['--wait', '12.3.0']], [['12.3.0', '--wait']], [['--help']]])(
  'refuses %j',
  (argv) => {
    expect(() => readArguments(argv)).toThrow(UsageError)
  },
)
