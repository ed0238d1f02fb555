import type { TokenUsage } from '../client/model.ts'
import type { Phase } from '../exhaustion/model.ts'
import { type Bus, createBus, type Unsubscribe } from '../platform/bus.ts'
import { type Clock, systemClock, type Timer } from '../platform/clock.ts'
import { readBootId } from '../platform/proc/kernel-facts.ts'
import { endLedger } from '../usage/ledger.ts'
import type { FileOperation } from '../usage/model.ts'
import { metricsAnswer, numbersOf, snapshotOf } from './account.ts'
import { createLanes, type Lanes, throughDaemon } from './actor.ts'
import { type Book, createBook } from './book.ts'
import { createDeeds, type Deeds, isEnded } from './deeds.ts'
import { checkpointAnswer, createHistory, eventAnswer, type History } from './history.ts'
import { checkAgentId, deliverableOf, extraOf, type Section, sectionOf, type Use } from './input.ts'
import { createJudging, type Judging } from './judging.ts'
import type {
  AgentChoice,
  AgentMetrics,
  DeliverableCheckpoint,
  FaultSource,
  ResourceEvent,
  ResourceExhaustionConfig,
  ResourceExhaustionOptions,
  ResourceMetrics,
  ServiceEvents,
  WaitOptions,
} from './model.ts'
import { overviewOf, RECENT_EVENTS } from './overview.ts'
import { createSaver, loadedFrom, type Saver } from './persistence.ts'
import { createRecording, type Recording } from './recording.ts'
import { createWaiting, type Waiting } from './waiting.ts'

const CHECKPOINTS = 100
/** Off Linux the boot has no name: what lies before a reboot then seems to have taken no time. */
const UNNAMED_BOOT = 'boot'
const BY_CALLER = { actor: 'caller', triggeredBy: 'manual' } as const

/**
 * Counts what agents use and judges it against their limits, within this process. It stops nothing itself: what has to
 * be done goes to `onAction` or, through `client`, to the daemon, and is told as done only when they say so. Without
 * either a pause is a closed gate, and the agent asks `isAgentPaused` or `waitForResume` before its next step.
 *
 * Limits that are written in `config`, in a profile or for one agent enforce; those built in only warn. Every record is
 * judged at once; `start` adds what only time brings up. A resume begins a new epoch, so that a resumed agent is not
 * paused again at once.
 *
 * ```ts
 * const service = new ResourceExhaustionService({
 *   config: { thresholds: { maxApiCalls: 200, maxTimeWithoutDeliverableMs: '10m' } },
 *   client: (agent) => createClient({ agent }), // or onAction: ({ action, agentId }) => workers[action](agentId)
 * })
 * service.start()
 * service.initializeAgent('reviewer-1', 'reviewer')
 * for (const step of steps) {
 *   if (service.isAgentPaused('reviewer-1') && !(await service.waitForResume('reviewer-1'))) break
 *   service.recordApiCall('reviewer-1', (await step.run()).usage)
 * }
 * service.recordDeliverable('reviewer-1', 'review_complete', 'Review of the parser')
 * service.cleanupAgent('reviewer-1')
 * ```
 */
export class ResourceExhaustionService {
  #section: Section
  #running: Timer | undefined
  readonly #clock: Clock
  readonly #book: Book
  readonly #history: History
  readonly #lanes: Lanes
  readonly #waiting: Waiting
  readonly #deeds: Deeds
  readonly #judging: Judging
  readonly #recording: Recording
  readonly #bus: Bus<ServiceEvents>
  readonly #saver: Saver

  /** @throws ConfigError when the configuration is wrong; whatever `persistence.load` throws */
  constructor(options: ResourceExhaustionOptions = {}) {
    const { config, onAction, client, persistence, clock = systemClock } = options
    if (onAction !== undefined && client !== undefined) {
      throw new TypeError('Actions go either to onAction or through client.')
    }
    const fault = (source: FaultSource) => (error: unknown) => options.onFault?.(error, source)
    const { events, checkpoints, accounts } = loadedFrom(persistence?.load() ?? [])
    this.#section = sectionOf(config)
    this.#clock = clock
    this.#bus = createBus(fault('listener'))
    this.#saver = createSaver(persistence, fault('persistence'))
    this.#history = createHistory(events, checkpoints)
    const kept = { clock, history: this.#history, saver: this.#saver }
    this.#book = createBook({
      ...{ ...kept, bus: this.#bus, accounts, section: () => this.#section },
      bootId: readBootId() ?? UNNAMED_BOOT,
    })
    const lanes = createLanes(client === undefined ? onAction : throughDaemon(client), fault('action'))
    const judge = (agentId: string) => this.#judging.judge(agentId)
    this.#lanes = lanes
    this.#waiting = createWaiting(clock)
    this.#deeds = createDeeds({ book: this.#book, lanes, waiting: this.#waiting, judge })
    this.#judging = createJudging({ clock, book: this.#book, deeds: this.#deeds, isBusy: lanes.isBusy })
    this.#recording = createRecording({ ...kept, book: this.#book, verify: options.verifyArtifacts })
  }

  isEnabled(): boolean {
    return this.#section.enabled
  }

  /** The configuration in force, with its defaults. */
  getConfig(): Section {
    return { ...this.#section }
  }

  /** Takes another configuration, keeps what was counted and judges it anew. @throws ConfigError; then nothing changes */
  reconfigure(config: ResourceExhaustionConfig): void {
    this.#section = sectionOf(config)
    const wasRunning = this.#running !== undefined
    this.stop()
    if (wasRunning) this.start()
    else this.checkAllAgents()
  }

  on<Name extends keyof ServiceEvents>(
    name: Name,
    listener: (event: ServiceEvents[Name]) => void,
  ): Unsubscribe {
    return this.#bus.on(name, listener)
  }

  /**
   * Makes an agent known, also while the service is disabled. An agent that lives keeps what it used: only its type and
   * what was chosen for it are taken anew. After a termination another life begins.
   * @throws Problem AE_INVALID
   */
  initializeAgent(agentId: string, agentType: string, choice: AgentChoice = {}): void {
    checkAgentId(agentId)
    this.#recording.begin(agentId, agentType, choice)
    this.#judging.judge(agentId)
  }

  /** Nothing happens while the service is disabled, and for an agent that is not known; the next three likewise. */
  recordFileOperation(agentId: string, op: FileOperation): void {
    this.#use(agentId, { files: [{ op }] })
  }

  /** @param tokens counted by type when they say it @throws Problem AE_INVALID when they are no counts */
  recordApiCall(agentId: string, tokens?: TokenUsage): void {
    this.#use(agentId, { apiCalls: 1, ...(tokens === undefined ? {} : { tokens }) })
  }

  recordSubtaskSpawn(agentId: string): void {
    this.#use(agentId, { subtasks: 1 })
  }

  /**
   * A checkpoint, which resets the time without a deliverable. Null when the agent is not known.
   * @throws Problem AE_INVALID when the type is none, AE_TOO_MANY_REQUESTS beyond 60 a minute
   */
  recordDeliverable(
    agentId: string,
    type: string,
    description?: string,
    artifacts?: readonly string[],
  ): DeliverableCheckpoint | null {
    const input = deliverableOf({
      type,
      ...(description === undefined ? {} : { description }),
      ...(artifacts === undefined ? {} : { artifacts: [...artifacts] }),
    })
    const checkpoint = this.#recording.deliver(agentId, input)
    if (checkpoint === undefined) return null
    this.#judging.judge(agentId)
    return checkpointAnswer(checkpoint)
  }

  /** Newest first; also of agents that are not known any more. */
  getDeliverables(agentId: string, limit = CHECKPOINTS): readonly DeliverableCheckpoint[] {
    return this.#history.deliverables(agentId, limit).map(checkpointAnswer)
  }

  /** Null when the agent is not known. */
  getAgentMetrics(agentId: string): AgentMetrics | null {
    const account = this.#book.accounts.get(agentId)
    if (account === undefined) return null
    return metricsAnswer(snapshotOf(account, numbersOf(account, this.#section, this.#book.now())))
  }

  /** The phase as of now, with whatever follows from it; `normal` when disabled or not known. */
  evaluateAgent(agentId: string): Phase {
    this.#judging.judge(agentId)
    if (!this.#section.enabled) return 'normal'
    return this.#book.accounts.get(agentId)?.state.phase ?? 'normal'
  }

  /** Judges everybody, and asks again for what is still owed. */
  checkAllAgents(): void {
    for (const agentId of [...this.#book.accounts.keys()]) this.#judging.check(agentId)
  }

  /** Whether the agent is paused now: true also when it was before. False when it is not known, or was not stopped. */
  async pauseAgent(agentId: string, reason: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#deeds.pause(agentId, { ...BY_CALLER, reason }, (outcome) => resolve(outcome === 'done'))
    })
  }

  /** False when the agent is not known. */
  isAgentPaused(agentId: string): boolean {
    return this.#book.accounts.get(agentId)?.pause !== undefined
  }

  /**
   * Lets the agent go on, in a new epoch when its budget had stopped it or `extraBudget` raises its limits.
   * @returns false when it is neither paused nor in an intervention, or was not continued. Where actions take time
   *   true means that it was asked for: `resumed` or `refused` tells the outcome, as does `waitForResume`
   * @throws Problem AE_INVALID when `extraBudget` names no limits
   */
  resumeAgent(
    agentId: string,
    { extraBudget }: { readonly extraBudget?: Readonly<Record<string, number>> } = {},
  ): boolean {
    const extra = extraBudget && { asked: extraBudget, budget: extraOf(extraBudget) }
    return this.#ask(agentId, (settled) => {
      this.#deeds.resume(agentId, { ...BY_CALLER, reason: 'resumed' }, extra, settled)
    })
  }

  /**
   * Ends the agent for good.
   * @returns false when it is not known, has ended before, or was not ended; true also while it is under way
   */
  terminateAgent(agentId: string, reason: string): boolean {
    return this.#ask(agentId, (settled) => {
      this.#deeds.terminate(agentId, { ...BY_CALLER, reason }, settled)
    })
  }

  /** A person agrees to the pause that an intervention waits for. False when none does, or it was not stopped. */
  async approveIntervention(agentId: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#judging.approve(agentId, (outcome) => resolve(outcome === 'done'))
    })
  }

  /** A person lets the agent go on beyond its limit. False when no intervention waits for an answer. */
  rejectIntervention(agentId: string): boolean {
    return this.#judging.reject(agentId) === 'rejected'
  }

  /**
   * True when the agent may go on: at once when it is not paused, else when it is resumed. False when it is not known,
   * ended or removed, and when the time is over. Any number of callers may wait.
   */
  async waitForResume(agentId: string, options: WaitOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted()
    const account = this.#book.accounts.get(agentId)
    if (account === undefined || isEnded(account)) return false
    if (account.pause === undefined && !this.#lanes.isBusy(agentId)) return true
    return this.#waiting.wait(agentId, options)
  }

  /** @param since only events and totals since then; phases are always those of now */
  getResourceMetrics(since?: Date | number): ResourceMetrics {
    return overviewOf(this.#book.accounts, this.#history, since === undefined ? undefined : Number(since))
  }

  /** Newest first. */
  getRecentEvents(limit = RECENT_EVENTS): readonly ResourceEvent[] {
    return this.#history.recent(limit).map(eventAnswer)
  }

  /** Judges everybody now and from now on, when a threshold of a time is reached and every `checkIntervalMs`. */
  start(): void {
    if (!this.#section.enabled || this.#running !== undefined) return
    this.#judging.start()
    this.#arm()
    this.checkAllAgents()
  }

  /** Only what is recorded is judged from now on. What is gathered is saved. */
  stop(): void {
    this.#running?.cancel()
    this.#running = undefined
    this.#judging.stop()
    this.#saver.flush()
  }

  /** Forgets the agent; its events and deliverables stay. */
  cleanupAgent(agentId: string): void {
    const account = this.#book.accounts.get(agentId)
    if (account === undefined) return
    this.#judging.rest(agentId)
    this.#book.remove({ ...account, ledger: endLedger(account.ledger, this.#book.now()) })
    this.#waiting.settle(agentId, 'over')
  }

  #use(agentId: string, use: Use): void {
    if (this.#recording.use(agentId, use) === 'ignored') return
    this.#judging.judge(agentId)
  }

  /** Whether it was done or, where that takes time, is under way. */
  #ask(agentId: string, act: (settled: (outcome: 'done' | 'not done') => void) => void): boolean {
    let outcome: 'done' | 'not done' | undefined
    act((settled) => {
      outcome = settled
    })
    return outcome === undefined ? this.#lanes.isBusy(agentId) : outcome === 'done'
  }

  #arm(): void {
    this.#running = this.#clock.setTimer(this.#section.checkIntervalMs, () => {
      this.checkAllAgents()
      if (this.#running !== undefined) this.#arm()
    })
  }
}
