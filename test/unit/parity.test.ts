import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** What the systems that this one replaces could do, row by row; each has a test that names it in its title. */
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
  R01: 'sampling of memory, heap and CPU',
  R02: 'trend of memory',
  R03: 'its rate per minute',
  R04: 'high and low watermark',
  R05: 'rolling average',
  R06: 'three levels in bytes',
  R07: 'five types of alerts',
  R08: 'cool-down of alerts',
  R09: 'recommendations with alerts',
  R10: 'window of history',
  R11: 'summary of the system with top consumers',
  R12: 'context of a crash',
  R13: 'record of a crash',
  R14: 'cause with confidence',
  R15: 'recommendations after a crash',
  R16: 'related crashes',
  R17: 'statistics of crashes',
  R18: 'patterns of crashes',
  R19: 'health score',
  R20: 'trend of crashes',
  R21: 'persistence of crashes',
  R22: 'metrics, crashes and alerts told with a key',
  R23: 'overview',
  R24: 'history of one agent with statistics',
  R25: 'list and detail of crashes',
  R26: 'list of alerts and their acknowledgement',
  R27: 'insights',
  R28: 'three tables',
  R29: 'metrics on the command line, also watched and as JSON',
  R30: 'health on the command line',
  R31: 'profile on the command line',
  R32: 'agents and health as a dashboard asks for them',
  R33: 'the counts of its cards',
  R34: 'Prometheus',
  R57: 'a crash that nobody tells of is detected and announced',
  R58: 'alert of CPU at 300 %',
  R61: 'simulated daemons',
}

const root = join(import.meta.dirname, '..')
const TITLE = /\b(?:it|test|describe)(?:\.\w+(?:\([^)]*\))?)*\(\s*(['"`])(.*?)\1/gs

const named = new Set<string>()
for (const file of globSync('**/*.test.ts', { cwd: root })) {
  for (const [, , title] of readFileSync(join(root, file), 'utf8').matchAll(TITLE)) {
    for (const [row] of title?.matchAll(/\b[AR]\d\d\b/g) ?? []) named.add(row)
  }
}

it.each(Object.entries(ROWS))('has a test that names %s: %s', (row) => {
  expect(named).toContain(row)
})
