import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A private folder (0700) that vanishes with the test: `using folder = temporaryFolder()`. */
export function temporaryFolder(prefix = 'agent-exporter-test-'): { readonly path: string } & Disposable {
  const path = realpathSync(mkdtempSync(join(tmpdir(), prefix)))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }) }
}
