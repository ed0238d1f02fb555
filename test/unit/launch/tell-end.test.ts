import { expect, it } from 'vitest'
import type { LinkRequest } from '../../../src/launch/daemon-link.ts'
import { tellEnd } from '../../../src/launch/tell-end.ts'

async function told(how: Parameters<typeof tellEnd>[0], url = 'http://127.0.0.1:9'): Promise<LinkRequest[]> {
  const asked: LinkRequest[] = []
  await tellEnd(how, {
    ...{ id: 'a b', role: 'coder', incarnation: 'life', url, answered: Promise.resolve() },
    output: { read: () => 'the end' },
    link: {
      async ask(request) {
        asked.push(request)
        return undefined
      },
    },
  })
  return asked
}

it('tells how it ended, which life it was and in which role', async () => {
  expect(await told({ code: 0, signal: null })).toEqual([
    {
      method: 'POST',
      path: '/api/v1/agents/a%20b/exit',
      body: { exitCode: 0, incarnation: 'life', role: 'coder' },
    },
  ])
})

it('tells the last output of what ended badly, to the daemon of this host only', async () => {
  for (const how of [
    { code: 3, signal: null },
    { code: null, signal: 'SIGABRT' },
  ] as const) {
    expect((await told(how))[0]?.body).toMatchObject({ lastOutput: 'the end' })
    expect((await told(how, 'https://far.example'))[0]?.body).not.toHaveProperty('lastOutput')
  }
})

it('waits until the daemon has answered the registration', async () => {
  const order: string[] = []
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const done = tellEnd(
    { code: 1, signal: null },
    {
      ...{ id: 'a', role: undefined, incarnation: undefined, url: 'http://127.0.0.1:9', answered },
      output: { read: () => undefined },
      link: {
        async ask() {
          order.push('told')
          return undefined
        },
      },
    },
  )
  await Promise.resolve()
  order.push('answered')
  answer()
  await done
  expect(order).toEqual(['answered', 'told'])
})
