import { readFileSync } from 'node:fs'
import { Problem } from '../problem.ts'

/**
 * The address of the store with the password that stands in a file, where the address names a PostgreSQL server and has
 * none itself. The file is read now: a new password wants a new start.
 *
 * @throws Problem `AE_STORE_URL` when the file is needed and cannot be read
 */
export function withPassword(url: string, file: string | undefined): string {
  if (file === undefined || !/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) return url
  const address = new URL(url)
  if (address.password !== '') return url
  address.password = encodeURIComponent(passwordIn(file))
  return address.href
}

function passwordIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Problem('AE_STORE_URL', `store.passwordFile: ${file} cannot be read (${code}).`)
  }
}
