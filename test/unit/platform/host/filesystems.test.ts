import { describe, expect, it } from 'vitest'
import { createFilesystems } from '../../../../src/platform/host/filesystems.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const space = { bsize: 4096, blocks: 100, bavail: 25 }
const mount = (mountpoint: string, remote = false) => ({ mountpoint, type: 'x', remote })
const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

describe('file systems', () => {
  it('reports size and what an ordinary user may write', async () => {
    const filesystems = createFilesystems({ clock: fakeClock(), statfs: async () => space })
    expect(await filesystems.measure([mount('/')])).toEqual([
      { mountpoint: '/', sizeBytes: 409600, availableBytes: 102400 },
    ])
  })

  it('answers without a server that hangs, does not ask it again, and takes it back when it answers', async () => {
    const clock = fakeClock()
    const asked: string[] = []
    let release: (answer: typeof space) => void = () => {}
    const filesystems = createFilesystems({
      clock,
      timeoutMs: 500,
      statfs: (path) => {
        asked.push(path)
        return path === '/nfs' && asked.length <= 2
          ? new Promise((resolve) => {
              release = resolve
            })
          : Promise.resolve(space)
      },
    })
    const mounts = [mount('/nfs', true), mount('/other', true), mount('/')]
    const first = filesystems.measure(mounts)
    await settle()
    clock.advance(500)
    expect((await first).map((s) => s.mountpoint)).toEqual(['/'])
    expect(filesystems.hung()).toEqual(['/nfs'])
    expect((await filesystems.measure(mounts)).map((s) => s.mountpoint)).toEqual(['/'])
    expect(asked).toEqual(['/', '/nfs', '/'])
    release(space)
    await settle()
    expect((await filesystems.measure(mounts)).map((s) => s.mountpoint)).toEqual(['/', '/nfs', '/other'])
  })

  it('leaves out what cannot be asked', async () => {
    const filesystems = createFilesystems({
      clock: fakeClock(),
      statfs: (path) => (path === '/gone' ? Promise.reject(new Error('ENOENT')) : Promise.resolve(space)),
    })
    expect((await filesystems.measure([mount('/gone'), mount('/')])).map((s) => s.mountpoint)).toEqual(['/'])
  })
})
