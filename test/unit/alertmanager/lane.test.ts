import { describe, expect, it } from 'vitest'
import { createLane } from '../../../src/alertmanager/lane.ts'
import type { AlertTable } from '../../../src/alertmanager/table.ts'

/** A disk that is told when it may finish a write, and whether it does. */
function slowLane() {
  const saves: { readonly after: AlertTable; end(error?: Error): void }[] = []
  const lane = createLane({
    save: (_before, after) =>
      new Promise<void>((resolve, reject) => {
        saves.push({ after, end: (error) => (error === undefined ? resolve() : reject(error)) })
      }),
  })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const count = () =>
    lane.change((table) => ({
      table: { ...table, nextEpisode: table.nextEpisode + 1 },
      result: table.nextEpisode,
    }))
  return { lane, saves, turn, count }
}

describe('the lane of the table', () => {
  it('shows a change when it is on disk and not before', async () => {
    const { lane, saves, turn, count } = slowLane()
    const changed = count()
    await turn()
    expect(lane.table.nextEpisode).toBe(1)
    saves[0]!.end()
    expect(await changed).toBe(1)
    expect(lane.table.nextEpisode).toBe(2)
  })

  it('writes together what waits for a write', async () => {
    const { lane, saves, turn, count } = slowLane()
    const all = Array.from({ length: 10 }, count)
    await turn()
    const more = Array.from({ length: 10 }, count)
    saves[0]!.end()
    await turn()
    saves[1]!.end()
    expect(await Promise.all([...all, ...more])).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(saves.map(({ after }) => after.nextEpisode)).toEqual([11, 21])
    expect(lane.table.nextEpisode).toBe(21)
  })

  it('has not changed when it could not be written, and goes on', async () => {
    const { lane, saves, turn, count } = slowLane()
    const lost = [count(), count()]
    await turn()
    const kept = count()
    saves[0]!.end(new Error('disk full'))
    for (const one of lost) await expect(one).rejects.toThrow('disk full')
    await turn()
    expect(saves[1]!.after.nextEpisode).toBe(2)
    saves[1]!.end()
    expect(await kept).toBe(1)
    expect(lane.table.nextEpisode).toBe(2)
  })

  it('fails one that cannot be judged alone', async () => {
    const { saves, turn, count, lane } = slowLane()
    const bad = lane.change(() => {
      throw new Error('no')
    })
    const good = count()
    await expect(bad).rejects.toThrow('no')
    await turn()
    saves[0]!.end()
    expect(await good).toBe(1)
  })

  it('writes nothing where nothing changed', async () => {
    const { saves, lane } = slowLane()
    expect(await lane.change((table) => ({ table, result: 'same' }))).toBe('same')
    expect(saves).toEqual([])
  })
})
