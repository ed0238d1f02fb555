import { homedir } from 'node:os'
import { resolveDataDir } from '../platform/store/data-dir.ts'

/** The data directory of this user, for the daemon and for commands that talk to it. */
export function dataDirFrom(flag: string | undefined): string {
  return resolveDataDir({ flag, env: process.env, uid: process.geteuid?.(), home: homedir() })
}
