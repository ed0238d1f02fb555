/** A real program whose memory is recorded, and what is known about it because we wrote it. */
export interface Program {
  readonly name: string
  readonly language: 'node' | 'python3' | 'c'
  readonly source: string
  /** What the trend should say at the end; undefined = anything but growing. */
  readonly growing: 'leaks' | 'does not leak'
  /** Zero for those that do not leak. */
  readonly mbPerMinute: number
  /** Ended and started again after so many seconds. */
  readonly restartAfterS?: number
}

/** Garbage that a generational collector cannot take young: kept for some seconds, then dropped. */
const NODE_CHURN = `
const held = []
function churn() {
  for (let i = 0; i < 40; i++) held.push(Array.from({ length: 600 }, (_, k) => ({ k, text: 'x' + k + i })))
  while (held.length > 240) held.shift()
}
setInterval(churn, 250)
setInterval(() => console.log(process.memoryUsage().heapUsed), 1000)
`
const nodeLeak = (mbPerMinute: number) => `
const kept = []
const perTick = ${mbPerMinute} * 1048576 / 240
setInterval(() => {
  const strings = []
  for (let bytes = 0; bytes < perTick; bytes += 1024) strings.push(Buffer.alloc(1000, 97).toString('latin1') + bytes)
  kept.push(strings)
}, 250)
`
const C_HEAD = `#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void take(size_t bytes) { char *p = malloc(bytes); if (p) memset(p, 1, bytes); }
`

export const PROGRAMS: readonly Program[] = [
  { name: 'node-collects', language: 'node', source: NODE_CHURN, growing: 'does not leak', mbPerMinute: 0 },
  {
    ...{ name: 'node-leaks', language: 'node', source: NODE_CHURN + nodeLeak(15) },
    ...{ growing: 'leaks', mbPerMinute: 15 },
  },
  {
    ...{ name: 'node-warms-up', language: 'node', growing: 'does not leak', mbPerMinute: 0 },
    source: `${NODE_CHURN}
const cache = new Map()
let asked = 0
setInterval(() => { for (let i = 0; i < 60; i++) { const key = Math.floor(Math.random() * 20000); asked++; if (!cache.has(key)) cache.set(key, 'v'.repeat(3000) + asked + Buffer.alloc(3000, 98)) } }, 250)
`,
  },
  {
    ...{ name: 'node-leaks-restarted', language: 'node', source: NODE_CHURN + nodeLeak(12) },
    ...{ growing: 'leaks', mbPerMinute: 12, restartAfterS: 360 },
  },
  {
    ...{ name: 'python-leaks', language: 'python3', growing: 'leaks', mbPerMinute: 10 },
    source: `
import time, os
kept = []
while True:
    kept.append(os.urandom(10 * 1048576 // 240))
    junk = [str(i) for i in range(20000)]
    time.sleep(0.25)
`,
  },
  {
    ...{ name: 'python-bursts', language: 'python3', growing: 'does not leak', mbPerMinute: 0 },
    source: `
import time, random
random.seed(7)
while True:
    time.sleep(random.uniform(20, 100))
    burst = bytearray(random.randint(20, 90) * 1048576)
    for i in range(0, len(burst), 4096): burst[i] = 1
    time.sleep(random.uniform(3, 25))
    del burst
`,
  },
  {
    ...{ name: 'c-leaks', language: 'c', growing: 'leaks', mbPerMinute: 20 },
    source: `${C_HEAD}int main(void) { for (;;) { take(20 * 1048576 / 120); usleep(500000); } }`,
  },
  {
    ...{ name: 'c-steps', language: 'c', growing: 'does not leak', mbPerMinute: 0 },
    source: `${C_HEAD}int main(void) { take(30 << 20); sleep(280); take(60 << 20); sleep(300); take(50 << 20); for (;;) sleep(60); }`,
  },
]
