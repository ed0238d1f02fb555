import { describe, expect, it } from 'vitest'
import type { Agent } from '../../src/agents/model.ts'
import type { ContainerInfo } from '../../src/platform/docker/container.ts'
import { pastLivesOf, standingOf } from '../../src/targets.ts'

const ID = 'a'.repeat(64)
const OTHER = 'b'.repeat(64)

const agent = (runtime: Agent['runtime'], incarnation: string) => ({ runtime, incarnation }) as Agent
const container = (id: string, labels: Record<string, string> = {}) => ({ id, labels }) as ContainerInfo

interface Given {
  readonly path?: string
  readonly labelled?: readonly string[]
  readonly ownId?: string
  readonly container?: ContainerInfo
}

function standing(of: Agent, { path, labelled = [], ownId, container: known }: Given) {
  const asked: number[] = []
  const answer = standingOf(of, {
    container: () => known,
    ownId,
    cgroups: {
      locate(pid) {
        asked.push(pid)
        return path === undefined ? undefined : { version: 2, path }
      },
    },
    labelled: () => new Map(labelled.map((id) => [id, container(id)])),
  })
  return { answer, asked }
}

describe('where a container is concerned', () => {
  const process = agent('process', 'boot:4026531836:4711:99')

  it('a process of the host is in none', () => {
    expect(standing(process, { path: '/user.slice' })).toEqual({ answer: undefined, asked: [4711] })
    expect(standing(process, {}).answer).toBeUndefined()
  })

  it('a process in a container has the standing of that', () => {
    const path = `/system.slice/docker-${ID}.scope`
    expect(standing(process, { path }).answer).toBe('unlabelled')
    expect(standing(process, { path, labelled: [OTHER] }).answer).toBe('unlabelled')
    expect(standing(process, { path, labelled: [ID] }).answer).toBe('labelled')
    // Beside the daemon, in its own container.
    expect(standing(process, { path, ownId: ID }).answer).toBeUndefined()
  })

  it('a container must have a label of its own, and not be ours', () => {
    const box = agent('container', `${ID}:2026-01-01T00:00:00Z`)
    const labels = { 'agent-exporter.sandbox': 's' }
    expect(standing(box, {}).answer).toBe('unlabelled')
    expect(standing(box, { container: container(ID) }).answer).toBe('unlabelled')
    expect(standing(box, { container: container(ID, labels) }).answer).toBe('labelled')
    expect(standing(box, { container: container(ID, labels), ownId: ID }).answer).toBe('own')
  })

  it('what has neither is in none', () => {
    expect(standing(agent('cooperative', 'x:1'), { path: `/docker/${ID}` }).answer).toBeUndefined()
  })
})

describe('a life of a container', () => {
  const BEGAN = '2026-01-01T00:00:00.5Z'
  const isOver = (shown: Partial<ContainerInfo> | undefined) =>
    pastLivesOf('/proc', 'boot', () => {
      const all = shown === undefined ? [] : [{ ...container(ID), startedAt: BEGAN, ...shown }]
      return new Map(all.map((one) => [one.id, one as ContainerInfo]))
    }).isOver(`${ID}:${BEGAN}`)

  it('is over once the engine shows it ended, or another one', () => {
    expect(isOver({ state: 'exited' })).toBe(true)
    expect(isOver({ state: 'running', startedAt: '2026-01-01T00:00:01Z' })).toBe(true)
  })

  it('goes on while it runs or is paused, and where no engine shows it', () => {
    expect(isOver({ state: 'running' })).toBe(false)
    expect(isOver({ state: 'paused' })).toBe(false)
    expect(isOver(undefined)).toBe(false)
  })
})
