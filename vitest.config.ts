import { defineConfig } from 'vitest/config'

/** Of vitest's own second a machine that does other things as well may keep all for itself. */
const POLL_MS = 20_000

// Four suites, from fast to slow. `unit` never sleeps and never touches a server; the others use real parts. The limits
// are for what hangs: they are many times what the slowest test takes on a busy machine.
const suite = (name: string, testTimeout: number, options: object = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
    expect: { poll: { timeout: POLL_MS } },
    ...options,
  },
})

// `.ci/run` counts tests from this file; everybody else gets the ordinary output.
const report = process.env['TEST_REPORT']

export default defineConfig({
  test: {
    ...(report && { reporters: ['default', ['json', { outputFile: report }]] }),
    projects: [
      suite('unit', 60_000),
      suite('contract', 180_000),
      // Real servers share this machine: one file after the other.
      suite('integration', 180_000, { fileParallelism: false }),
      suite('e2e', 300_000, { fileParallelism: false }),
    ],
  },
})
