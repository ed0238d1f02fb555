/** One thing wrong in the configuration. `path` is dotted, e.g. `agents.discovery.commands[2]`. */
export interface ConfigIssue {
  readonly path: string
  readonly message: string
}

/** A configuration that cannot be used; the message lists every issue, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly ConfigIssue[]

  constructor(source: string, issues: readonly ConfigIssue[]) {
    super(
      `${source} cannot be used:\n${issues.map(({ path, message }) => `  ${path === '' ? 'document' : path}: ${message}`).join('\n')}`,
    )
    this.issues = issues
  }
}
