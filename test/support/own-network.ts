import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { requireService } from './services.ts'

/** A loopback of its own: every port is free there, and the abstract sockets of other daemons are not there. */
export interface OwnNetwork extends AsyncDisposable {
  /** What to put before a command so that it runs there. */
  readonly enter: readonly string[]
}

const isRoot = process.getuid?.() === 0

/** Whether this user may make one: root always, others where user namespaces are allowed. */
export function mayOwnNetwork(): boolean {
  return spawnSync('unshare', [...(isRoot ? [] : ['-r']), '-n', 'true']).status === 0
}

export async function ownNetwork(): Promise<OwnNetwork> {
  const script = `${requireService('ip')} link set lo up && echo up && exec sleep 3600`
  const child = spawn('unshare', [...(isRoot ? [] : ['-r']), '-n', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [said] = await Promise.race([once(child.stdout, 'data'), exited])
  if (String(said).trim() !== 'up') throw new Error('no network of our own could be made')
  const user = isRoot ? [] : ['-U', '--preserve-credentials']
  return {
    enter: ['nsenter', '-t', String(child.pid), ...user, '-n', '--'],
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
