import { expect, it } from 'vitest'
import { createExporter } from '../../../src/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

it('runs as a library, on the configuration it is given', async () => {
  using folder = temporaryFolder()
  const exporter = createExporter({
    dataDir: `${folder.path}/data`,
    listenAddresses: ['127.0.0.1:0'],
    config: 'agents: { discovery: { processes: false, containers: false } }',
  })
  await exporter.start()
  try {
    const [url] = exporter.summary().urls
    const answer = await fetch(`${url}/metrics`)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('agent_scrape_collector_success{collector="process"} 1')
  } finally {
    await exporter.stop()
  }
})

it('refuses a wrong configuration before anything is started', () => {
  expect(() => createExporter({ config: 'agents: { retentoin: 1m }' })).toThrow(/did you mean retention/)
})
