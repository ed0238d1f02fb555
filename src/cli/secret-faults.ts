import { readGrafanaSecret } from '../alertmanager/signature.ts'
import type { Config } from '../config/schema.ts'
import { createTokenTable } from '../platform/http/tokens.ts'
import { withPassword } from '../platform/store/password.ts'

/** What the daemon would refuse of the files that the configuration names; their content is in no sentence. */
export function secretFaults({ auth, alertmanager, store }: Config): string[] {
  const reads: readonly (() => unknown)[] = [
    ...auth.tokens.map((token) => () => createTokenTable([token])),
    () => readGrafanaSecret(alertmanager.grafanaSecretFile),
    () => withPassword(store.url, store.passwordFile),
  ]
  return reads.flatMap((read) => {
    try {
      read()
      return []
    } catch (error) {
      return (error as Error).message
    }
  })
}
