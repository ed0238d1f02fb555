import { defineConfig } from 'vitest/config'

// Four suites, from fast to slow. `unit` never sleeps and never touches a server; the others use real parts.
const suite = (name: string, testTimeout: number, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, ...options },
})

// `.ci/run` counts tests from this file; everybody else gets the ordinary output.
const report = process.env['TEST_REPORT']

export default defineConfig({
  test: {
    ...(report && { reporters: ['default', ['json', { outputFile: report }]] }),
    projects: [
      suite('unit', 10_000),
      suite('contract', 60_000),
      // Real servers share this machine: one file after the other.
      suite('integration', 180_000, { fileParallelism: false }),
      suite('e2e', 300_000, { fileParallelism: false }),
    ],
  },
})
