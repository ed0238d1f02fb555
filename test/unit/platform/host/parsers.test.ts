import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCpuCores } from '../../../../src/platform/host/cpu-cores.ts'
import { parseLoad1, parseMeminfo, parseOomKills } from '../../../../src/platform/host/meminfo.ts'
import { parseMountinfo } from '../../../../src/platform/host/mounts.ts'
import { parseNetDev } from '../../../../src/platform/host/net-dev.ts'
import { parsePressure } from '../../../../src/platform/host/pressure.ts'

describe('processors', () => {
  it('are the online ones, numbered or not in a row, and absent where the file names none', () => {
    expect(parseCpuCores('cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\ncpu12 1 2 3\nintr 5\n')).toBe(3)
    expect(parseCpuCores('cpu  1 2 3\nbtime 5\n')).toBeUndefined()
  })
})

describe('meminfo', () => {
  it('reads bytes, and leaves absent what an old kernel does not say', () => {
    const modern =
      'MemTotal:       24684084 kB\nMemFree:        24174576 kB\nMemAvailable:   24267356 kB\nSwapCached:            0 kB\nSwapTotal:       1048576 kB\nSwapFree:         524288 kB\n'
    expect(parseMeminfo(modern)).toEqual({
      totalBytes: 24684084 * 1024,
      freeBytes: 24174576 * 1024,
      availableBytes: 24267356 * 1024,
      swapTotalBytes: 2 ** 30,
      swapFreeBytes: 2 ** 29,
    })
    const old = 'MemTotal:  1024 kB\nMemFree:  512 kB\n'
    expect(parseMeminfo(old)).toEqual({
      totalBytes: 2 ** 20,
      freeBytes: 2 ** 19,
      availableBytes: undefined,
      swapTotalBytes: undefined,
      swapFreeBytes: undefined,
    })
  })

  it('reads the load and the OOM kills', () => {
    expect(parseLoad1('0.13 0.06 0.05 4/95 7256\n')).toBe(0.13)
    expect(parseLoad1('')).toBeUndefined()
    expect(parseOomKills('pgfault 1\noom_kill 7\noom_kill_x 9\n')).toBe(7)
    expect(parseOomKills('pgfault 1\n')).toBeUndefined()
  })
})

describe('pressure', () => {
  it('reads stalls in seconds', () => {
    const text =
      'some avg10=0.92 avg60=0.35 avg300=0.10 total=1629126\nfull avg10=0.78 avg60=0.29 avg300=0.07 total=1377849\n'
    expect(parsePressure(text)).toEqual({ waitingSeconds: 1.629126, stalledSeconds: 1.377849 })
  })

  it('has no stall of the CPU before Linux 5.13', () => {
    expect(parsePressure('some avg10=0.00 avg60=0.00 avg300=0.00 total=5000000\n')).toEqual({
      waitingSeconds: 5,
      stalledSeconds: undefined,
    })
  })
})

describe('net/dev', () => {
  const header = 'Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n'

  it('counts real devices only', () => {
    const row = (name: string, received: number, sent: number) =>
      `${name}: ${received} 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0\n`
    const text = `${header}${row('    lo', 1, 1)}${row('  eth0', 580888949, 991059)}${row('vethab12', 5, 5)}${row('docker0', 6, 6)}${row('wlp3s0', 7, 8)}`
    expect(parseNetDev(text)).toEqual([
      { device: 'eth0', receiveBytes: 580888949, transmitBytes: 991059 },
      { device: 'wlp3s0', receiveBytes: 7, transmitBytes: 8 },
    ])
  })

  it('reads the run-together columns of busy devices', () => {
    expect(parseNetDev('  eth0:123 1 0 0 0 0 0 0 456 1 0 0 0 0 0 0')).toEqual([
      { device: 'eth0', receiveBytes: 123, transmitBytes: 456 },
    ])
  })

  it('never makes a number of anything', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const device of parseNetDev(`eth0: ${text}`))
          expect(Number.isFinite(device.receiveBytes) && Number.isFinite(device.transmitBytes)).toBe(true)
      }),
    )
  })
})

describe('mountinfo', () => {
  it('keeps real file systems, each device once, the root in any case', () => {
    const text = [
      '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
      '23 22 0:5 / /proc rw - proc proc rw',
      '24 22 0:6 / /tmp rw - tmpfs tmpfs rw',
      '25 22 254:16 / /home rw - xfs /dev/vdb rw',
      '26 22 254:16 /me /srv/bind rw - xfs /dev/vdb rw',
      '27 22 0:44 / /mnt/my\\040share rw shared:9 - nfs4 server:/x rw',
      '28 22 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro',
      '29 22 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw',
      '',
    ].join('\n')
    expect(parseMountinfo(text)).toEqual([
      { mountpoint: '/', type: 'ext4', remote: false },
      { mountpoint: '/home', type: 'xfs', remote: false },
      { mountpoint: '/mnt/my share', type: 'nfs4', remote: true },
    ])
    expect(parseMountinfo('1 0 0:99 / / rw - overlay overlay rw\n')).toEqual([
      { mountpoint: '/', type: 'overlay', remote: false },
    ])
  })

  it('is bounded', () => {
    const many = Array.from({ length: 500 }, (_, i) => `${i} 1 8:${i} / /m/${i} rw - ext4 /dev/x${i} rw`)
    expect(parseMountinfo(many.join('\n'))).toHaveLength(16)
  })
})
