// Writes the generated documents, or with --check fails when one is out of date.
//
//   npm run docs
//   npm run docs -- --check
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generatedDocuments } from './documents.ts'

const check = process.argv.includes('--check')
for (const [name, text] of Object.entries(await generatedDocuments())) {
  const path = join(import.meta.dirname, '..', name)
  if (!check) {
    writeFileSync(path, text)
    continue
  }
  let written: string | undefined
  try {
    written = readFileSync(path, 'utf8')
  } catch {
    written = undefined
  }
  if (written !== text) {
    console.error(`${name} is out of date: run npm run docs`)
    process.exitCode = 1
  }
}
