import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import type { Reach } from './model.ts'

/** A socket that does not answer within this time is as good as missing. */
const DOCKER_TIMEOUT_MS = 1_000

/** Whether a Docker engine answers where the environment says it is. Never throws. */
export async function engineReach(environment: Readonly<Record<string, string | undefined>>): Promise<Reach> {
  const cost = 'containers are not found'
  const name = 'Docker'
  const host = environment['DOCKER_HOST']
  if (host !== undefined && !host.startsWith('unix://'))
    return { name, state: 'ok', detail: 'remote engine (DOCKER_HOST)', cost }
  const path = host?.slice('unix://'.length) ?? '/var/run/docker.sock'
  if (!existsSync(path)) return { name, state: 'missing', detail: `no socket at ${path}`, cost }
  const failure = await ping(path)
  return failure === undefined
    ? { name, state: 'ok', detail: path, cost }
    : { name, state: 'missing', detail: `${path} ${failure}`, cost }
}

/** Undefined when the engine answers `GET /_ping`, else why not. */
function ping(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const done = (failure: string | undefined): void => {
      socket.destroy()
      resolve(failure)
    }
    socket.setTimeout(DOCKER_TIMEOUT_MS, () => done('does not answer'))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      done(error.code === 'EACCES' ? 'may not be opened by this user' : `cannot be reached (${error.code})`),
    )
    socket.once('connect', () => socket.write('GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n'))
    socket.once('data', (bytes) =>
      done(/^HTTP\/1\.\d 200/.test(bytes.toString('latin1')) ? undefined : 'does not speak the Docker API'),
    )
    socket.once('end', () => done('closed the connection'))
  })
}
