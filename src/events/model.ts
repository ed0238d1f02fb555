/** Something that happened, as it is told to people and programs. */
export interface HouseEvent {
  /** Grows with time; the part before the dash tells one run of the daemon from another. */
  readonly id: string
  /** `agent.paused`, `action.refused`, …; the list is in the documentation. */
  readonly type: string
  /** Whom it is about; who may not see this agent does not see the event. */
  readonly agent: string | undefined
  /** Wall clock in milliseconds. */
  readonly atMs: number
  /** One sentence for people. */
  readonly summary: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** Where the other rooms' events are published. */
export interface EventLog {
  publish(event: Omit<HouseEvent, 'id' | 'atMs'>): HouseEvent
  /** Events after this one, oldest first; all that are kept when it is not among them. */
  after(id: string | undefined): readonly HouseEvent[]
  /** Called for every event from now on. */
  follow(listener: (event: HouseEvent) => void): () => void
}
