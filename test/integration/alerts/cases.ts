import type { AlertCase } from '../../support/alert-cases.ts'
import { cases as agents } from './agents.cases.ts'
import { cases as alerting } from './alerting.cases.ts'
import { cases as alertmanager } from './alertmanager.cases.ts'
import { cases as container } from './container.cases.ts'
import { cases as control } from './control.cases.ts'
import { cases as crashes } from './crashes.cases.ts'
import { cases as exhaustion } from './exhaustion.cases.ts'
import { cases as host } from './host.cases.ts'
import { cases as memory } from './memory.cases.ts'
import { cases as self } from './self.cases.ts'
import { cases as usage } from './usage.cases.ts'

/** A new room brings `alerts/<room>.rules.yml` and its cases, named here. */
export const casesOf: Readonly<Record<string, readonly AlertCase[]>> = {
  agents,
  alerting,
  alertmanager,
  container,
  control,
  crashes,
  exhaustion,
  host,
  memory,
  self,
  usage,
}
