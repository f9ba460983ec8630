/** Replicas that start, serve, and are ended newest first: those that start still are the newest. */
import type { InstanceFacts } from '../decision.ts'

export class Fleet {
  readonly #startupMs: number
  /** Oldest first. */
  #instances: InstanceFacts[] = []
  #ready = 0
  #made = 0

  /** `ready` serve from the beginning. */
  constructor(startupMs: number, ready: number, nowMs: number) {
    this.#startupMs = startupMs
    for (let index = 0; index < ready; index++)
      this.#instances.push(this.#start(nowMs - startupMs - 3_600_000))
    this.advance(nowMs)
  }

  /** As decide() sees them: a new list after each change. */
  get instances(): readonly InstanceFacts[] {
    return this.#instances
  }

  /** Those of them that serve. */
  get serving(): readonly InstanceFacts[] {
    return this.#ready === this.#instances.length ? this.#instances : this.#instances.slice(0, this.#ready)
  }

  get count(): number {
    return this.#instances.length
  }

  get ready(): number {
    return this.#ready
  }

  /** What has had its time to start serves from now on. */
  advance(nowMs: number): void {
    let ready = this.#ready
    let instances = this.#instances
    for (; ready < instances.length; ready++) {
      const instance = instances[ready]!
      if (instance.startedMs! + this.#startupMs > nowMs) break
      if (instances === this.#instances) instances = [...instances]
      instances[ready] = { ...instance, phase: 'running', ready: true, readyChangedMs: nowMs }
    }
    this.#instances = instances
    this.#ready = ready
  }

  scaleTo(replicas: number, nowMs: number): void {
    if (replicas === this.#instances.length) return
    const instances = this.#instances.slice(0, replicas)
    while (instances.length < replicas) instances.push(this.#start(nowMs))
    this.#instances = instances
    this.#ready = Math.min(this.#ready, replicas)
  }

  #start(nowMs: number): InstanceFacts {
    return {
      name: `replica-${this.#made++}`,
      phase: 'pending',
      deleting: false,
      ready: false,
      startedMs: nowMs,
      readyChangedMs: nowMs,
      request: { cpu: 1000 },
    }
  }
}
