#!/usr/bin/env node
// An older Node must get this far and say one clear sentence, so nothing newer is imported before the check.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 16)) {
  process.stderr.write(`agent-exporter needs Node.js 22.16 or newer; this is ${process.versions.node}.\n`)
  process.exit(1)
}
const { main } = await import('../dist/cli/main.js')
process.exitCode = await main(process.argv.slice(2))
