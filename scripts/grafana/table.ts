import type { Finding } from './check.ts'

/** One line for each thing, and below it what is wrong. */
export function findingsText(version: string, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length))
  const bad = findings.filter(({ problem }) => problem !== undefined).length
  const lines = findings.flatMap(({ what, detail, problem }) => {
    const line =
      `  ${problem === undefined ? 'ok    ' : 'FAILED'}  ${what.padEnd(width)}  ${detail}`.trimEnd()
    return problem === undefined ? [line] : [line, ...problem.split('; ').map((one) => `          ${one}`)]
  })
  return [
    `Grafana ${version}: ${bad === 0 ? 'all is there' : `${bad} of ${findings.length} failed`}`,
    ...lines,
    '',
  ].join('\n')
}
