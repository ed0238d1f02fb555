import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * One stack for each folder. SQLite's lock on a file is the kernel's: it ends with its holder, however that ends.
 * @returns undefined when somebody else has it
 */
export function lockFolder(folder: string): Disposable | undefined {
  const database = new DatabaseSync(join(folder, 'lock'))
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (/locked/.test(String(error))) return undefined
    throw error
  }
  return { [Symbol.dispose]: () => database.close() }
}
