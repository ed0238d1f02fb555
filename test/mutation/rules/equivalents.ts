/** Mutants that no input tells from the rule. */
interface Equivalent {
  readonly reason: string
  /** Their names by alert. */
  readonly mutants: Readonly<Record<string, readonly string[]>>
}

const alone = 'matcher job: job="agent-exporter" → ∅'
const first = 'matcher job: job="agent-exporter",  → ∅'
const second = (name: string) => `${name} (2)`
const third = (name: string) => `${name} (3)`

export const EQUIVALENTS: readonly Equivalent[] = [
  {
    reason:
      'Joined on job with another operand whose matcher is still there, so nothing of another job has a partner, and on ' +
      'this side nothing must be unique. The matcher saves reading what is thrown away.',
    mutants: {
      AgentNotificationsFailing: [
        'matcher job: job="alertmanager" → ∅',
        'matcher job: job="alertmanager" → ∅ (2)',
      ],
      AgentContainerDown: [first, second(first), alone],
      AgentCpuThrottled: [alone, second(alone)],
      AgentPidsNearLimit: [alone],
      AgentCrashShareHigh: [first, second(first), alone],
      AgentBudgetWarning: [alone, second(first)],
      AgentBudgetExceeded: [alone, second(first)],
      AgentEnforcementBlocked: [first, alone, second(alone)],
      AgentTerminatedByBudget: [first, alone, second(alone)],
      AgentBudgetForecast: [first, second(alone)],
      AgentNoDeliverable: [first, alone, second(alone)],
      AgentHostMemoryLow: [alone, second(alone)],
      AgentHostDiskLow: [alone, second(alone)],
      AgentMemoryWarning: [alone],
      AgentMemoryCritical: [alone],
      AgentMemoryOomImminent: [alone],
      AgentMemoryLimitForecast: [first],
      AgentAlertsForeign: [first, second(first), third(first)],
      AgentMemoryLeakSuspected: [first, alone, second(alone)],
      AgentLlmErrors: [alone, second(alone), third(alone)],
      AgentLlmDown: [alone, second(alone), third(alone)],
    },
  },
  {
    reason:
      'Compared with 0, and no increase is below it: a sum of such is above 0 exactly when the largest is. The value is ' +
      'not shown.',
    mutants: Object.fromEntries(
      [
        'AgentPagerPathBroken',
        'AgentWebhookPathBroken',
        'AgentAlertsNotSent',
        'AgentRulesFailing',
        'AgentWebhookMalformed',
        'AgentActionFailing',
        'AgentExporterSamplesRefused',
        'AgentExporterStoreDropsRows',
      ].map((alert) => [alert, ['function: sum → max']]),
    ),
  },
  {
    reason:
      'A sum or a quotient of rates, which are extrapolated in binary fractions: which side of the very threshold it falls ' +
      'on is rounding, and differs between versions of Prometheus. A step to either side of it is told apart.',
    mutants: Object.fromEntries(
      [
        'AgentNotificationsFailing',
        'AgentCrashShareHigh',
        'AgentTokenRateHigh',
        'AgentCostRateHigh',
        'AgentFleetCostHigh',
        'AgentLlmErrors',
      ].map((alert) => [alert, ['operator: > → >=']]),
    ),
  },
  {
    reason: 'Its matchers leave one series of each action; the sum only takes labels away.',
    mutants: { AgentAlertActionsRefused: ['function: sum → max'] },
  },
  {
    reason:
      'Where others than foreign ones were counted, unless silences it; so what is left to find is foreign.',
    mutants: { AgentAlertsForeign: ['matcher outcome: outcome="foreign_instance" → ∅'] },
  },
  {
    reason: 'Fires with any value, and shows none.',
    mutants: { AgentDeadMansSwitch: ['literal: 1 → 2', 'literal: 1 → 0'] },
  },
]
