/** One effect per agent at a time; those of different agents run side by side, so a hung one holds up only its own. */
export interface Lanes {
  inTurn<T>(agent: string, work: () => Promise<T>): Promise<T>
  /** Under way and waiting. */
  waiting(agent: string): number
  /** Settles when everything begun has ended. */
  idle(): Promise<void>
}

export function createLanes(): Lanes {
  const lanes = new Map<string, { tail: Promise<unknown>; count: number }>()
  return {
    inTurn(agent, work) {
      const lane = lanes.get(agent) ?? { tail: Promise.resolve(), count: 0 }
      lanes.set(agent, lane)
      lane.count++
      const turn = lane.tail.then(work)
      lane.tail = turn
        .catch(() => {})
        .then(() => {
          if (--lane.count === 0) lanes.delete(agent)
        })
      return turn
    },
    waiting: (agent) => lanes.get(agent)?.count ?? 0,
    async idle() {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map(({ tail }) => tail))
    },
  }
}
