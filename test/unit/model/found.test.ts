import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../support/folder.ts'
import { replay } from './explore.ts'
import { brokenAtRest } from './invariants.ts'
import { play } from './letters.ts'
import { createWorld } from './world.ts'

/** Shortest sequences that once broke something. */
describe('no longer broken', () => {
  it('an agent is held whose driver stopped a part of it and never answered', async () => {
    expect(await replay(['pause', 'half', 'tick'], { effects: 'held' })).toEqual([])
  })

  it('a resume is the last one also when the clock stood still over a restart', async () => {
    expect(await replay(['over', 'resume', 'over', 'crash', 'resume'])).toEqual([])
  })

  it('a resume by an alert that released nothing gives no new budget after a restart', async () => {
    expect(await replay(['killSwitch', 'over', 'alertResume', 'crash'])).toEqual([])
  })

  it('time goes on for an agent of which a part was stopped, also after a restart', async () => {
    const letters = ['over', 'half', 'tick', 'crash', 'tick'] as const
    expect(await replay(letters, { effects: 'held' })).toEqual([])
  })

  it('a pause that was over when the daemon was killed is one, also under the kill switch', async () => {
    const letters = ['over', 'begins', 'killSwitch', 'crash', 'tick'] as const
    expect(await replay(letters, { effects: 'held' })).toEqual([])
  })

  it('the end of a life is told with its epoch, also when its name belongs to another by then', async () => {
    const letters = ['pause', 'terminate', 'crash', 'ends', 'reborn'] as const
    expect(await replay(letters, { effects: 'held' })).toEqual([])
  })

  it('an agent stays held whose pause is taken up again as the kill switch is engaged', async () => {
    const letters = ['over', 'begins', 'crash', 'killSwitch', 'ends'] as const
    expect(await replay(letters, { effects: 'held' })).toEqual([])
  })

  it('who is continued by a resume that was given up is stopped again as soon as the kill switch lets it', async () => {
    using folder = temporaryFolder()
    const exhaustion = { autoTerminate: true }
    const world = await createWorld({ effects: 'held', exhaustion, dataDir: folder.path })
    const { incarnation } = world.hosted.get('a')!
    for (const letter of ['over', 'resume', 'alertPause', 'begins', 'killSwitch', 'crash', 'tick'] as const)
      await play(letter, world, 'a')
    expect(await brokenAtRest(world)).toEqual([])
    expect(world.runtime.stateOf(incarnation)).toBe('running')
    expect([...world.run.desk.holds('a').keys()]).toEqual(['budget', 'alert:1'])

    await play('killSwitch', world, 'a')
    for (let second = 0; second < 10; second++) {
      await world.pass(1_000)
      world.run.emit('sample', { atMs: world.clock.monotonic(), depth: 'core' })
      await world.quiet()
    }
    expect(world.runtime.stateOf(incarnation)).toBe('paused')
    expect(await brokenAtRest(world)).toEqual([])
  })
})
