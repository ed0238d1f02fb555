// Adds to package-lock.json the platform packages that npm left out, so that `npm ci` accepts it.
//
//   npm run lock
//
// npm writes an optional dependency into the lock file only if the registry it asked could answer for it. A mirror that
// carries a part of the platforms therefore yields a file that `npm ci` refuses everywhere ("Missing … from lock file").
// The version is exact in the parent's manifest and the platform is in the name; only the checksum stays unknown.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface LockedPackage {
  readonly version?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly dev?: boolean
  readonly peer?: boolean
  readonly engines?: Readonly<Record<string, string>>
  readonly [key: string]: unknown
}

interface Lock {
  packages: Record<string, LockedPackage>
  readonly [key: string]: unknown
}

const CPUS = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 'riscv64', 's390x', 'loong64', 'wasm32']
const SYSTEMS = ['android', 'darwin', 'linux', 'win32', 'freebsd', 'openharmony', 'openbsd', 'netbsd']

/** `os`, `cpu` and `libc` as npm understands them, from a name such as `binding-linux-arm-musleabihf`. */
function platformOf(name: string): Record<string, string[]> {
  const words = name.split(/[-/]/)
  const system = SYSTEMS.find((os) => words.includes(os))
  const cpu = CPUS.find((arch) => words.includes(arch))
  if (cpu === undefined) throw new Error(`no platform in the name ${name}`)
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : undefined
  return { cpu: [cpu], ...(libc && { libc }), ...(system && { os: [system] }) }
}

const file = join(import.meta.dirname, '../package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8')) as Lock
const present = new Set(
  Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)),
)
let added = 0
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (present.has(name)) continue
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platformOf(name),
      optional: true,
      ...(parent.dev && { dev: true }),
      ...(parent.peer && { peer: true }),
      ...(parent.engines && { engines: parent.engines }),
    }
    present.add(name)
    added += 1
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} platform packages added`)
