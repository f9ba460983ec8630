/**
 * One ScaledObject at work: what its triggers said last, what deciding remembers, and the one way in which its decisions are written.
 * Whatever wakes it (a poll, an event, a change of the Service), it decides one time after another, never twice at once.
 */

import { messageOf, NsctlError } from '../../core/errors.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Looker, Wish } from '../../engine/looks.ts'
import type { ScaledObject, Service } from '../../resources/generated/types.ts'
import type { Decision, DecisionInput, RequestFacts, ScalingState } from '../../scaling/decide.ts'
import type { ScalingPolicy } from '../../scaling/policy.ts'
import { historySubject } from '../../scaling/sample.ts'
import type { ScalingTimes } from '../../scaling/times.ts'
import type { OpenTrigger } from '../../scaling/trigger.ts'
import type { HistoryReader, HistoryWriter } from '../../telemetry/history/history.ts'
import type { ScalerMetrics } from '../../telemetry/scalers.ts'
import { scaledEvents } from './announce.ts'
import type { Decider } from './decider.ts'
import { InstanceViews } from './instances.ts'
import { ordersOf, sameOrders } from './orders.ts'
import { decideInMs, type LastDecision, lastOf, pollInMs } from './pace.ts'
import { type Problem, targetName, targetText } from './problem.ts'
import { Records } from './records.ts'
import { refusalOf } from './refusal.ts'
import { Reporter, type Said, type StatusApi } from './reporter.ts'
import { restore } from './restore.ts'
import { Rounds } from './rounds.ts'
import { Target, type TargetApi } from './target.ts'
import { Triggers } from './triggers.ts'

export interface ScalerOptions {
  readonly api: TargetApi & StatusApi
  readonly cache: ObjectCache
  readonly times: ScalingTimes
  readonly decider: Decider
  readonly open: OpenTrigger
  readonly history?: HistoryWriter & HistoryReader
  readonly metrics?: ScalerMetrics
  /** An event came by itself: to be decided upon. */
  readonly onEvent: () => void
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Somebody else may be faster so often before it is left to the next poll. */
const MAX_ATTEMPTS = 5

export class Scaler implements Looker {
  readonly #options: ScalerOptions
  readonly #instances: InstanceViews
  readonly #records: Records
  readonly #reporter: Reporter
  readonly #triggers: Triggers
  #object: ScaledObject
  #problem: Problem | undefined
  #policy: ScalingPolicy | undefined
  #target: Target | undefined
  #state: ScalingState | undefined
  #decision: LastDecision | undefined
  #ready = 0
  /** When requests for its Service were last heard of, on the steady timeline. */
  #requestsMs: number | undefined
  readonly #deciding = new Rounds(async () => {
    await this.#decideOnce()
    this.#isOwed = false
  })
  /** A change is to be decided on, and has not been yet. */
  #isOwed = false
  #closed = false

  constructor(object: ScaledObject, options: ScalerOptions) {
    const { namespace = '', name } = object.metadata
    const { times, history, metrics, api } = options
    this.#options = options
    this.#object = ordersOf(object)
    this.#instances = new InstanceViews(times)
    this.#records = new Records({
      id: { kind: 'ScaledObject', namespace, name },
      subject: historySubject(object),
      ...(history && { history }),
      ...(metrics && { metrics }),
    })
    const onEvent = () => {
      this.#activeUntilNow()
      options.onEvent()
    }
    this.#triggers = new Triggers({ open: options.open, onEvent })
    this.#reporter = new Reporter(api, times, object.status)
  }

  get object(): ScaledObject {
    return this.#object
  }

  get policy(): ScalingPolicy | undefined {
    return this.#problem === undefined ? this.#policy : undefined
  }

  get decision(): LastDecision | undefined {
    return this.#decision
  }

  get intervalMs(): number {
    return this.#object.spec.pollingInterval * 1000
  }

  pollInMs(polls: number, lateMs: number): number {
    const { random, times } = this.#options
    return pollInMs({ scaler: this, polls, lateMs, random, time: times.now() })
  }

  /** Requests have come in for its Service. */
  noteRequests(): void {
    this.#requestsMs = this.#options.times.steadyMs()
  }

  decideInMs(): number {
    return decideInMs(this.policy, this.#options.times.now())
  }

  /** False where looking at its triggers would lead to nothing. */
  get polls(): boolean {
    return !this.#closed && this.policy !== undefined && this.policy.pause?.kind !== 'all'
  }

  /**
   * Takes in the object as it is now, and what keeps it from acting.
   *
   * @param credentials what its triggers log in with has changed
   */
  async update(object: ScaledObject, problem: Problem | undefined, credentials: boolean): Promise<Wish> {
    const before = this.#object
    const isNew = this.#policy === undefined && this.#problem === undefined
    const moved = isNew || !sameOrders(before, object)
    const had = this.#problem
    this.#object = ordersOf(object)
    this.#problem = problem ?? (moved || had !== undefined ? await this.#compile() : undefined)
    if (this.#problem !== undefined) {
      await this.#triggers.close()
      return this.#owes(!deepEqual(had, this.#problem) || moved)
    }
    if (credentials) await this.#triggers.reopen()
    if (moved || credentials || had !== undefined) return this.polls ? 'look' : this.#owes(true)
    const { replicas } = this.#target?.service()?.spec ?? {}
    // before its first look there is nothing to decide by
    return this.#owes(
      this.#decision !== undefined && replicas !== undefined && replicas !== this.#decision.to,
    )
  }

  /** What could not be written when it was to be is still to be. */
  #owes(isNew: boolean): Wish {
    this.#isOwed ||= isNew
    return this.#isOwed ? 'decide' : 'nothing'
  }

  /** Looks at all triggers side by side, and decides. */
  async poll(): Promise<void> {
    const request = this.#reporter.requestOf(this.#object)
    // who asks for a look wants one of now
    const maxAgeMs = request === undefined ? this.intervalMs / 2 : 0
    await this.#triggers.look(this.#object, maxAgeMs)
    if (this.#closed || this.policy === undefined) return
    this.#records.looked(this.#triggers.looked())
    this.#reporter.answered(request)
    await this.decide()
  }

  /** Decides on what is known and writes it. Where it is at it already it does so once more, and both callers wait for that. */
  decide(): Promise<void> {
    return this.#deciding.ask()
  }

  /** Ends everything, what is being written excepted: that is waited for. */
  async close(): Promise<void> {
    this.#closed = true
    this.#records.forget()
    const ended = this.#deciding.end()
    await this.#triggers.close()
    await ended
  }

  async #decideOnce(): Promise<void> {
    const policy = this.policy
    if (policy === undefined) return await this.#report()
    if (policy.pause?.kind === 'all') this.#reporter.answered(this.#reporter.requestOf(this.#object))
    const target = this.#target as Target
    const first = target.service()
    // the change that took it away wakes the controller, which says so
    if (first === undefined) return
    await this.#takeOver(target, first)
    this.#state ??= await this.#restore(policy, first.spec.replicas)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const service = target.service()
      if (service === undefined) return
      const input = this.#input(target, service)
      const { decision, state } = this.#options.decider.decide(policy, input, this.#state)
      const outcome = decision.to === decision.from ? 'scaled' : await this.#scale(target, service, decision)
      // it scales another Service from now on, and will decide for that
      if (outcome === 'gone' || target !== this.#target) return
      if (outcome === 'moved') continue
      // what was not written has not happened
      this.#state = state
      this.#decision = lastOf(decision)
      this.#records.decided({ decision, state, ready: this.#ready, triggers: this.#triggers.looked() })
      if (decision.to !== decision.from) await this.#scaled(service, decision)
      return await this.#report({ decision })
    }
    throw new NsctlError(
      'Conflict',
      `${targetText(this.#object)} was scaled by others ${MAX_ATTEMPTS} times meanwhile`,
    )
  }

  async #restore(policy: ScalingPolicy, replicas: number): Promise<ScalingState> {
    const { decider, times, history } = this.#options
    return await restore({
      initial: decider.initialState({ time: times.now(), replicas }),
      status: this.#reporter.written,
      ...{ times, policy, history },
      subject: historySubject(this.#object),
      readStored: async () => (await this.#reporter.stored(this.#object)) as Json | undefined,
    })
  }

  #input(target: Target, service: Service): DecisionInput {
    const { times } = this.#options
    const instances = this.#instances.of(target.instances(service))
    this.#ready = instances.filter(({ ready }) => ready).length
    return {
      time: times.now(),
      replicas: service.spec.replicas,
      instances,
      triggers: this.#triggers.inputs(),
      requests: this.#requests(target, service),
      createdMs: times.steadyOf(this.#object.metadata.creationTimestamp) ?? times.steadyMs(),
    }
  }

  /** Whoever begins to listen has not heard yet of what comes in: what is awake then stays so, until it would have heard. */
  #requests(target: Target, service: Service): RequestFacts | undefined {
    const through = target.edges(service)
    if (through === '') return undefined
    if (this.#requestsMs === undefined && service.spec.replicas > (this.#policy?.idleReplicas ?? 0))
      this.noteRequests()
    return { atMs: this.#requestsMs, through }
  }

  /** What is told by events holds until the next one: a cooldown begins with the event that ends it, and not with the last look. */
  #activeUntilNow(): void {
    if (this.#state !== undefined && this.#decision?.active === true)
      this.#state = { ...this.#state, lastActiveMs: this.#options.times.steadyMs() }
  }

  /** The number that it found is stored before anything is changed, so that it can be given back. */
  async #takeOver(target: Target, service: Service): Promise<void> {
    const { originalReplicaCount, targetText: known } = this.#reporter.written ?? {}
    if (originalReplicaCount === undefined || known !== targetText(this.#object))
      await this.#report({ original: service.spec.replicas })
    await target.take(service)
  }

  /** What is refused for good is said, and tried again like all that cannot be written. */
  async #scale(target: Target, service: Service, decision: Decision): ReturnType<Target['scale']> {
    try {
      return await target.scale(service, decision.to)
    } catch (error) {
      const refusal = refusalOf(error, decision.to)
      if (refusal !== undefined && target === this.#target) {
        this.#records.refused(decision, this.#ready)
        await this.#report({ decision, refusal })
      }
      throw error
    }
  }

  async #scaled(service: Service, decision: Decision): Promise<void> {
    this.#reporter.scaled()
    for (const event of scaledEvents(this.#object, service, decision))
      await this.#options.api.recordEvent(event)
  }

  async #report({ decision, refusal, original }: Partial<Said> = {}): Promise<void> {
    const isDone = decision !== undefined && refusal === undefined
    const written = await this.#reporter.report({
      object: this.#object,
      problem: this.#problem,
      triggers: this.#triggers.facts(),
      pause: this.#policy?.pause,
      decision,
      refusal,
      replicas: isDone ? decision.to : this.#target?.service()?.spec.replicas,
      lastActiveMs: this.#state?.lastActiveMs,
      ...(original !== undefined && { original }),
    })
    if (written && isDone) this.#records.changed(decision)
  }

  /** Returns what is wrong with the spec; the triggers that did not change go on. */
  async #compile(): Promise<Problem | undefined> {
    const { decider, api, cache } = this.#options
    try {
      this.#policy = decider.compile(this.#object)
    } catch (error) {
      return { reason: 'InvalidSpec', message: messageOf(error) }
    }
    const { namespace = '', name } = this.#object.metadata
    const service = targetName(this.#object) ?? ''
    if (this.#target?.name !== service) {
      this.#target = new Target(service, { api, cache, owner: { namespace, name } })
      this.#state = undefined
      this.#decision = undefined
      this.#requestsMs = undefined
    }
    await this.#triggers.update(
      this.#object,
      this.#policy.triggers.map(({ key }) => key),
    )
    return undefined
  }
}
