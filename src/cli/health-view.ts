import { levelStyle } from './level-style.ts'
import type { HealthReport, ListedAlert, ListedCrash } from './monitoring.ts'
import { shortIds } from './short-id.ts'
import { type Column, renderColumns } from './table.ts'
import { paint, type Style, type Terminal } from './terminal.ts'
import { formatAge, formatStamp } from './time-text.ts'
import { cellText, hangText } from './width.ts'

/** Columns of a list of crashes. @param now wall clock in milliseconds */
export function crashColumns(crashes: readonly ListedCrash[], now: number): readonly Column<ListedCrash>[] {
  const short = shortIds(crashes)
  return [
    { head: 'ID', cell: ({ id }) => short(id), whole: true },
    { head: 'AGE', cell: ({ crashedAt }) => formatAge(crashedAt, now), whole: true },
    { head: 'AT', cell: ({ crashedAt }) => formatStamp(crashedAt), whole: true, spare: 2 },
    { head: 'AGENT', cell: ({ agentName }) => agentName },
    {
      head: 'CAUSE',
      cell: ({ cause, occurrences = 1 }) => (occurrences > 1 ? `${cause} ×${occurrences}` : cause),
      whole: true,
    },
    { head: 'SURE', cell: ({ confidence }) => confidence, spare: 1 },
    { head: 'WHAT', cell: ({ summary }) => summary, wants: LEAST_WHAT },
  ]
}

/** Columns of a list of memory alerts. @param now wall clock in milliseconds */
export function alertColumns(alerts: readonly ListedAlert[], now: number): readonly Column<ListedAlert>[] {
  const short = shortIds(alerts)
  return [
    { head: 'ID', cell: ({ id }) => short(id), whole: true },
    { head: 'AGE', cell: ({ createdAt }) => formatAge(createdAt, now), whole: true },
    { head: 'AT', cell: ({ createdAt }) => formatStamp(createdAt), whole: true, spare: 2 },
    { head: 'AGENT', cell: ({ agentName }) => agentName },
    {
      head: 'ALERT',
      cell: ({ alertType }) => ({ text: alertType, style: levelStyle(alertType) }),
      whole: true,
    },
    { head: 'SEEN', cell: ({ acknowledged }) => (acknowledged ? 'yes' : 'no'), spare: 1 },
    { head: 'WHAT', cell: ({ message }) => message, wants: LEAST_WHAT },
  ]
}

/** What happened is worth more than a second form of when. */
const LEAST_WHAT = 40

/** Which lists stand below the summary. */
export interface HealthLists {
  readonly crashes?: true
  readonly alerts?: true
}

/** From here on nobody has to get up, and below it somebody has to. */
const GOOD_SCORE = 80
const BAD_SCORE = 50
const LISTED = 10

/** Unhealthy: a score below 50, or an issue that is critical. */
export function isUnhealthy({ healthScore, issues }: HealthReport): boolean {
  return healthScore < BAD_SCORE || issues.some(({ severity }) => severity === 'critical')
}

/** @param now wall clock in milliseconds */
export function renderHealth(
  report: HealthReport,
  lists: HealthLists,
  terminal: Terminal,
  now: number,
): string {
  const { healthScore, summary, issues, recommendations, crashes, alerts, stats } = report
  const { columns = Number.POSITIVE_INFINITY } = terminal
  const hang = (head: string, text: string) => hangText(head, cellText(text, 1_024), columns)
  const score = paint(`${healthScore}/100`, scoreStyle(healthScore), terminal)
  const blocks = [
    [
      `score    ${score}`,
      ...hang('summary  ', summary),
      ...hang(
        'agents   ',
        `${stats.agentCount}; in 24 hours: crashes ${stats.totalCrashes24h}, alerts ${stats.totalAlerts24h}`,
      ),
    ].join('\n'),
  ]
  if (issues.length > 0) {
    const issueColumns: readonly Column<(typeof issues)[number]>[] = [
      {
        head: 'ISSUE',
        cell: ({ severity }) => ({ text: severity, style: levelStyle(severity) }),
        whole: true,
      },
      { head: 'WHAT', cell: ({ message }) => message },
    ]
    blocks.push(renderColumns(issueColumns, issues, terminal))
  }
  if (recommendations.length > 0) blocks.push(recommendations.flatMap((text) => hang('→ ', text)).join('\n'))
  if (lists.crashes) blocks.push(listOf('crashes', crashColumns(crashes, now), crashes, terminal))
  if (lists.alerts) blocks.push(listOf('open alerts', alertColumns(alerts, now), alerts, terminal))
  return blocks.join('\n\n')
}

function listOf<Item>(
  name: string,
  columns: readonly Column<Item>[],
  items: readonly Item[],
  terminal: Terminal,
): string {
  return items.length === 0 ? `No ${name}.` : renderColumns(columns, items.slice(0, LISTED), terminal)
}

function scoreStyle(score: number): Style {
  return score >= GOOD_SCORE ? 'green' : score >= BAD_SCORE ? 'yellow' : 'bold red'
}
