import type { ConfigIssue } from './issue.ts'

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g
/** In `scheme://user:password@host/path?query` only the credentials and the query may come from outside. */
const URL_SHAPE = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^?#]*)/i

/**
 * Replaces `${NAME}` in every string of a parsed document by the environment's value; `$${` stands for `${`.
 * A variable that is not set is an issue, and so is one inside a URL's host or path: whoever controls the
 * environment must not choose where we connect to.
 */
export function interpolate(
  document: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  issues: ConfigIssue[],
  path = '',
): unknown {
  if (typeof document === 'string') return interpolateText(document, environment, issues, path)
  if (Array.isArray(document)) {
    return document.map((item, index) => interpolate(item, environment, issues, `${path}[${index}]`))
  }
  if (typeof document === 'object' && document !== null) {
    return Object.fromEntries(
      Object.entries(document).map(([key, value]) => [
        key,
        interpolate(value, environment, issues, path === '' ? key : `${path}.${key}`),
      ]),
    )
  }
  return document
}

function interpolateText(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  issues: ConfigIssue[],
  path: string,
): string {
  const hostAndPath = URL_SHAPE.exec(text)?.[1]
  if (hostAndPath?.includes('${')) {
    issues.push({ path, message: 'a variable is not allowed inside the host or path of a URL' })
    return text
  }
  return text.replace(REFERENCE, (whole, name: string | undefined) => {
    if (name === undefined) return '${'
    const value = environment[name]
    if (value === undefined) {
      issues.push({ path, message: `the environment variable ${name} is not set` })
      return whole
    }
    return value
  })
}
