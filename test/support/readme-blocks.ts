/** The commands that the README tells a reader to type, block by block, and what runs them. */
export const README_BLOCKS = [
  { under: 'Quick start: a laptop', begins: 'npm ci && npm start', by: 'test/e2e/readme.test.ts' },
  {
    under: 'Quick start: a laptop',
    begins:
      'npx agent-exporter run --id demo --budget wall_clock=4h --budget time_without_deliverable=30m -- claude',
    by: 'test/e2e/readme.test.ts',
  },
  { under: 'Quick start: a laptop', begins: 'npx agent-exporter agents', by: 'test/e2e/readme.test.ts' },
  { under: 'Quick start: one host', begins: 'npm run stack', by: 'test/e2e/readme.test.ts' },
  // Its images are made there of what is installed.
  {
    under: 'Quick start: one host',
    begins: 'scripts/stack-secrets',
    by: 'test/e2e/stack-containers.test.ts',
  },
  {
    under: 'Quick start: many hosts',
    begins: 'npx agent-exporter rules --write rules',
    by: 'test/e2e/readme.test.ts',
  },
  // The run of which the tests are.
  { under: 'Test', begins: 'npm ci && npm test', by: '.ci/run' },
] as const
