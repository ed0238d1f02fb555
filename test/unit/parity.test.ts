import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** What the system that this one replaces could do, row by row; each has a test that names it in its title. */
const ROWS: Readonly<Record<string, string>> = {
  A01: 'five consumption counters',
  A02: 'configurable limits with validation',
  A03: 'warning ratio',
  A04: 'four phases',
  A05: 'event log with snapshot and trigger',
  A06: 'automatic pause',
  A07: 'manual pause with reason',
  A08: 'resume',
  A09: 'wait for resume',
  A10: 'termination',
  A11: 'deliverable checkpoints with type, description and artifacts',
  A12: 'clock of the time without a deliverable',
  A13: 'phase reset by a deliverable',
  A14: 'background checker',
  A15: 'start and stop',
  A16: 'persistence over a restart',
  A17: 'cleanup',
  A18: 'metrics of one agent',
  A19: 'summary since a time',
  A20: 'recent events',
  A21: 'another configuration while it runs',
  A22: 'names of its Prometheus metrics',
  A23: 'metrics as JSON',
  A24: 'five REST routes',
  A25: 'health: live, ready, detailed',
  A26: 'Slack on warning, intervention and termination',
  A27: 'pause and resume as pushed events',
  A28: 'gate before a step',
  A29: 'token accounting',
  A30: 'watching agents on the command line',
  A31: 'termination after an unanswered intervention',
  A32: 'confirmation of an intervention',
  A33: 'budgets in the health of the daemon',
  A34: 'limits per profile',
}

const root = join(import.meta.dirname, '..')
const TITLE = /\b(?:it|test|describe)(?:\.\w+(?:\([^)]*\))?)*\(\s*(['"`])(.*?)\1/gs

const named = new Set<string>()
for (const file of globSync('**/*.test.ts', { cwd: root })) {
  for (const [, , title] of readFileSync(join(root, file), 'utf8').matchAll(TITLE)) {
    for (const [row] of title?.matchAll(/\bA\d\d\b/g) ?? []) named.add(row)
  }
}

it.each(Object.entries(ROWS))('has a test that names %s: %s', (row) => {
  expect(named).toContain(row)
})
