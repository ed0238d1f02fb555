/** What the command line asks for. */
export interface GrafanaArguments {
  /** Tags of grafana/grafana, in this order. */
  readonly versions: readonly string[]
  /** How long the stack runs before it is asked, so that queries find something. */
  readonly waitSeconds: number
}

export class UsageError extends Error {}

export const USAGE = `usage: npm run dashboards:grafana -- VERSION... [--wait SECONDS]

  VERSION   tag of the image grafana/grafana, as 10.4.19, 11.6.0, 12.3.0
  --wait    seconds between the start and the queries (60)
`

const DEFAULT_WAIT_SECONDS = 60
/** `latest` is another version tomorrow. */
const TAG = /^\d+\.\d+\.\d+(-[A-Za-z0-9.-]+)?$/

/** @throws UsageError */
export function readArguments(argv: readonly string[]): GrafanaArguments {
  const versions: string[] = []
  let waitSeconds = DEFAULT_WAIT_SECONDS
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string
    if (word === '--wait') {
      const text = argv[++i]
      waitSeconds = Number(text)
      if (text === undefined || !Number.isInteger(waitSeconds) || waitSeconds < 0)
        throw new UsageError('--wait needs a number of seconds.')
    } else if (TAG.test(word)) versions.push(word)
    else throw new UsageError(`${word} is no version of Grafana.`)
  }
  if (versions.length === 0) throw new UsageError('Name a version.')
  return { versions, waitSeconds }
}
