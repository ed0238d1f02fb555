import { describe, expect, it } from 'vitest'
import { stackOptions, UsageError } from '../../../scripts/stack/options.ts'

describe('options of the stack', () => {
  it('are the ports that everybody knows, and a folder in the clone', () => {
    const { folder, ports, interval, demo } = stackOptions([])!
    expect(folder).toMatch(/\/\.stack$/)
    expect(ports).toEqual({ exporter: 10_780, prometheus: 9_090, alertmanager: 9_093, grafana: 3_000 })
    expect([interval, demo]).toEqual(['15s', 'none'])
  })

  it('may be changed', () => {
    const options = stackOptions(['--data=/x', '--prometheus-port', '1234', '--interval=1m', '--demo'])!
    expect(options).toMatchObject({ folder: '/x', intervalMs: 60_000, demo: 'agents' })
    expect(options.ports.prometheus).toBe(1_234)
  })

  it.each([
    [['--port=1'], /port/],
    [['--grafana-port=0'], /--grafana-port must be a number/],
    [['--grafana-port=1e3'], /--grafana-port must be a number/],
    [['--exporter-port=65536'], /--exporter-port must be a number/],
    [['--exporter-port=9090'], /both have port 9090/],
    [['--interval=0s'], /--interval/],
    [['--interval=1500ms'], /--interval/],
    [['--interval=3m'], /--interval/],
    [['stray'], /stray/],
  ])('refuses %j', (argv, message) => {
    expect(() => stackOptions(argv)).toThrow(UsageError)
    expect(() => stackOptions(argv)).toThrow(message)
  })

  it('are told on request', () => {
    expect(stackOptions(['--help'])).toBeUndefined()
  })
})
