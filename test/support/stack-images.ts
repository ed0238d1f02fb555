import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  createReadStream,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type Docker from 'dockerode'
import { temporaryFolder } from './folder.ts'
import { requireService } from './services.ts'

const ROOT = join(import.meta.dirname, '../..')
const BASE = 'stack-test/node'
const BUILT = 'stack-test/built'

/** Names of the images for the variables of docker-compose.yml. */
export const STACK_IMAGES = {
  EXPORTER_IMAGE: 'stack-test/agent-exporter',
  PROMETHEUS_IMAGE: 'stack-test/prometheus',
  ALERTMANAGER_IMAGE: 'stack-test/alertmanager',
} as const

/** What health checks and the Dockerfile call. */
const TOOLS = ['sh', 'test', 'cat', 'wget', 'mkdir', 'chown', 'chmod', 'ln', 'env', 'sleep']
const TEMPLATES = '/usr/share/prometheus/alertmanager'
/** `nobody` of the official images. */
const NOBODY = '65534:65534'

/**
 * Makes the images of the stack from programs of this machine, as no registry is needed for a test. Prometheus and
 * Alertmanager: their binaries with their libraries and busybox, paths and user as in the official images. The exporter:
 * the final stage of our own Dockerfile, on a base made of Node.js and busybox; what its first stage would have built with
 * npm (`dist`, production packages) is taken from this checkout.
 */
export async function makeStackImages(docker: Docker): Promise<void> {
  const folder = temporaryFolder('stack-images-')
  let made = 0
  async function importTree(name: string, fill: (root: string) => void, changes: readonly string[]) {
    const root = join(folder.path, `root-${made}`)
    const archive = join(folder.path, `image-${made++}.tar`)
    mkdirSync(root)
    fill(root)
    execFileSync('tar', ['-C', root, '-cf', archive, '.'])
    const stream = await docker.importImage(createReadStream(archive) as never, {
      repo: name,
      tag: 'latest',
      changes,
    })
    await finished(docker, stream)
  }

  try {
    await Promise.all([
      importTree(BASE, (root) => putProgram(root, process.execPath, '/usr/local/bin/node'), [
        'ENV PATH=/usr/local/bin:/usr/bin:/bin',
      ]),
      importTree(BUILT, putBuilt, []),
      importTree(
        STACK_IMAGES.PROMETHEUS_IMAGE,
        (root) => {
          putProgram(root, requireService('prometheus'), '/bin/prometheus')
          putFolder(root, '/prometheus')
        },
        [`USER ${NOBODY}`, 'ENV PATH=/bin', 'ENTRYPOINT ["/bin/prometheus"]'],
      ),
      importTree(
        STACK_IMAGES.ALERTMANAGER_IMAGE,
        (root) => {
          putProgram(root, requireService('prometheus-alertmanager'), '/bin/alertmanager')
          putFolder(root, '/alertmanager')
          // Debian's build reads what is compiled into the official one.
          cpSync(TEMPLATES, join(root, TEMPLATES), { recursive: true, dereference: true })
        },
        [`USER ${NOBODY}`, 'ENV PATH=/bin', 'ENTRYPOINT ["/bin/alertmanager"]'],
      ),
    ])
    await buildExporter(docker, folder.path)
  } finally {
    folder[Symbol.dispose]()
  }
}

async function buildExporter(docker: Docker, folder: string): Promise<void> {
  const context = join(folder, 'context.tar')
  writeFileSync(join(folder, 'Dockerfile'), finalStage(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')))
  const copied = [
    ...['package.json', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md'],
    ...['bin', 'docs', 'alerts', 'dashboards/generated', 'prometheus'],
  ]
  execFileSync('tar', ['-cf', context, '-C', folder, 'Dockerfile', '-C', ROOT, ...copied])
  const stream = await docker.buildImage(context, {
    t: STACK_IMAGES.EXPORTER_IMAGE,
    buildargs: { BASE },
    networkmode: 'none',
  })
  await finished(docker, stream)
}

/** The Dockerfile without the stages that call npm; what they would have made comes from an image. */
function finalStage(dockerfile: string): string {
  const last = dockerfile.lastIndexOf(`\nFROM `)
  const text = dockerfile.slice(last)
  if (!text.startsWith(`\nFROM \${BASE}\n`)) throw new Error('the last stage is not made of BASE')
  return `ARG BASE\n${text.replaceAll('--from=build', `--from=${BUILT}`)}`
}

function putFolder(root: string, path: string): void {
  mkdirSync(join(root, path), { recursive: true })
  execFileSync('chown', [NOBODY, join(root, path)])
}

/** The program with its libraries at the places where its loader looks, and busybox. */
function putProgram(root: string, program: string, as: string): void {
  const place = (from: string, to: string) => {
    mkdirSync(dirname(join(root, to)), { recursive: true })
    copyFileSync(from, join(root, to))
  }
  place(requireService('busybox'), '/bin/busybox')
  for (const tool of TOOLS) symlinkSync('busybox', join(root, 'bin', tool))
  mkdirSync(join(root, 'usr/bin'), { recursive: true })
  symlinkSync('/bin/env', join(root, 'usr/bin/env'))
  mkdirSync(join(root, 'tmp'), { mode: 0o1777 })
  place(program, as)
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+(?= \(0x)/g) ?? []
  for (const library of libraries) place(library, library)
}

/** What `npm run build && npm prune --omit=dev` leave in /app. */
function putBuilt(root: string): void {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: true; devOptional?: true }>
  }
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/') || dev === true || devOptional === true) continue
    // A package inside another one comes with it.
    if (path.lastIndexOf('node_modules/') > 0) continue
    cpSync(join(ROOT, path), join(root, 'app', path), { recursive: true, dereference: true })
  }
  cpSync(join(ROOT, 'dist'), join(root, 'app/dist'), { recursive: true })
}

function finished(docker: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)))
  })
}
