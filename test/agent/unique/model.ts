/**
 * Machines, agents and two controllers on one clock that is the test's: leases, fence, permits and fencing are the real ones; what runs is a flag. Programs
 * are the worst there are, and end by nothing but SIGKILL.
 */

import { Heartbeat } from '../../../src/agent/heartbeat.ts'
import { Fence } from '../../../src/agent/unique/fence.ts'
import { Permits } from '../../../src/agent/unique/permits.ts'
import { FINALIZERS, type ResourceApi } from '../../../src/api/api.ts'
import { openApi } from '../../../src/api/open.ts'
import { Fencing } from '../../../src/controllers/node/fencing.ts'
import { Heartbeats } from '../../../src/controllers/node/heartbeats.ts'
import { type Clock, delay, ManualClock } from '../../../src/core/clock.ts'
import { NsctlError } from '../../../src/core/errors.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { FENCE_KILL_MS, FENCE_STOP_MS } from '../../../src/resources/fencing.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../../../src/resources/object.ts'
import type { ArmedFence, ProgramId } from '../../../src/runtimes/runtime.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import type { Store } from '../../../src/store/store.ts'

const SERVICE = 'web'
const REF = { kind: 'Instance', namespace: 'default' } as const
const ID: ProgramId = { namespace: 'default', service: SERVICE, templateHash: 'h', ordinal: 0, program: '' }

/** An agent may act on what was that long ago. */
const CACHE_MS = 4_000
/** A node may be judged lost long before what is unique there may be replaced. */
const JUDGED_MS = 6_000

/** What can stand still, and then goes on with what it was about to do. */
class Standing {
  isFrozen = false
  #waiting: (() => void)[] = []

  when(run: () => void): void {
    if (this.isFrozen) this.#waiting.push(run)
    else run()
  }

  pass(): Promise<void> {
    return new Promise((resolve) => this.when(resolve))
  }

  freeze(): void {
    this.isFrozen = true
  }

  thaw(): void {
    this.isFrozen = false
    for (const run of this.#waiting.splice(0)) run()
  }

  clock(clock: ManualClock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      schedule: (ms, run) => clock.schedule(ms, () => this.when(run)),
    }
  }
}

/** How somebody reaches the store. */
class Line extends Standing {
  isCut = false
  /** So many commits go through and are not answered. */
  unanswered = 0
  /** How long each way takes. */
  slowMs = 0

  over(store: Store, clock: ManualClock): Store {
    const way = async () => {
      if (this.slowMs > 0) await delay(clock, this.slowMs)
      await this.pass()
      this.#assertThere()
    }
    const call = async <T>(work: () => Promise<T>): Promise<T> => {
      await way()
      const result = await work()
      await way()
      return result
    }
    return {
      url: store.url,
      get: (key) => call(() => store.get(key)),
      getMany: (keys) => call(() => store.getMany(keys)),
      list: (prefixes) => call(() => store.list(prefixes)),
      listKeys: (prefix) => call(() => store.listKeys(prefix)),
      commit: (transactions) =>
        call(async () => {
          const results = await store.commit(transactions)
          if (this.unanswered === 0) return results
          this.unanswered--
          throw new NsctlError('Unreachable', 'no answer')
        }),
      watch: (prefixes, from, signal) => store.watch(prefixes, from, signal),
      stats: () => store.stats(),
      close: async () => {},
    }
  }

  #assertThere(): void {
    if (this.isCut) throw new NsctlError('Unreachable', 'the store is away')
  }
}

/** What PID 1 does of it, after src/runtimes/systemd/fence.ts. */
class Watch {
  readonly machine = new Standing()
  readonly #clock: ManualClock
  readonly #world: World
  #runs = false
  #untilMs = Number.NEGATIVE_INFINITY
  #last = 0
  readonly #armed = new Map<number, () => void>()

  constructor(world: World, clock: ManualClock) {
    this.#world = world
    this.#clock = clock
  }

  get isAlive(): boolean {
    return this.#runs && !this.machine.isFrozen
  }

  fenced = (): readonly ProgramId[] => (this.#runs ? [ID] : [])

  arm = async (): Promise<ArmedFence> => {
    const number = ++this.#last
    const armedMs = this.#clock.monotonic()
    this.#armed.set(
      number,
      this.#after(FENCE_STOP_MS, () => this.#fall(armedMs)),
    )
    return {
      confirm: async () => {
        if (this.#clock.monotonic() - armedMs >= FENCE_STOP_MS) return
        this.#untilMs = armedMs + FENCE_STOP_MS
        for (const [one, lift] of this.#armed) if (one < number && this.#armed.delete(one)) lift()
      },
    }
  }

  start(): boolean {
    if (!this.#world.isCareless && this.#clock.monotonic() >= this.#untilMs) return false
    this.#runs = true
    return true
  }

  /** Nobody of these heeds the signal. */
  end(graceMs: number): void {
    if (graceMs === 0) this.kill()
    else this.#after(graceMs, () => this.kill())
  }

  kill(): void {
    this.#runs = false
  }

  #fall(armedMs: number): void {
    if (this.#world.isCareless) return
    this.#untilMs = Number.NEGATIVE_INFINITY
    this.end(Math.max(0, armedMs + FENCE_KILL_MS - this.#clock.monotonic()))
  }

  #after(ms: number, run: () => void): () => void {
    return this.#clock.schedule(ms, () => this.machine.when(run))
  }
}

/** A machine's agent, from one start to its end. */
class Agent {
  readonly line = new Line()
  readonly #stop = new AbortController()

  constructor(world: World, name: string, watch: Watch, number: number) {
    void this.#run(world, name, watch, number)
  }

  end(): void {
    this.#stop.abort()
    // what a killed process was about to do is done by nobody
    this.line.freeze()
  }

  async #run(world: World, node: string, watch: Watch, number: number): Promise<void> {
    const clock = this.line.clock(world.clock)
    const store = this.line.over(world.store, world.clock)
    const api = await openApi({ store, clock, ids: randomIds })
    const fence = new Fence({ runtime: watch, clock, logger: silentLogger })
    const holder = {
      id: `${node}-${number}`,
      host: node,
      pid: number,
      startTime: '1',
      bootId: node,
      about: {},
    }
    const heartbeat = new Heartbeat({ node, store, holder, clock, logger: silentLogger, guard: fence })
    fence.onFall = async (graceMs) => watch.end(graceMs)
    heartbeat.begin()
    const permits = new Permits({ api, store, heartbeat, fence })
    let known: Instance | undefined
    // not all at the same time
    const follow = async () => {
      await delay(clock, (number % 4) * 1_000)
      for (;;) {
        await delay(clock, CACHE_MS)
        known = await world.instanceOn(node, api).catch(() => known)
      }
    }
    void follow()
    while (!this.#stop.signal.aborted) {
      await delay(clock, 500)
      if (known === undefined || known.metadata.deletionTimestamp !== undefined) {
        if (watch.isAlive) watch.kill()
        if (known !== undefined) await this.#letGo(api, known)
        continue
      }
      if (watch.isAlive) continue
      const permit = await permits.permit(known).catch(() => undefined)
      await this.line.pass()
      if (world.isCareless) {
        if (watch.start()) world.started(0)
      } else if (permit?.kind === 'granted' && !permit.signal.aborted && watch.start())
        world.started(permit.token)
    }
  }

  /** What the control plane began to take away from a node that came back in the middle of it, the node ends. */
  async #letGo(api: ResourceApi, { metadata: { name, uid } }: Instance): Promise<void> {
    const seen = { ...REF, name, ...(uid === undefined ? {} : { uid }) }
    await api.removeFinalizer(seen, FINALIZERS.runtime).catch(() => undefined)
  }
}

export class World {
  readonly clock = new ManualClock()
  readonly store = createMemoryStore()
  readonly isCareless: boolean
  readonly names: readonly string[]
  readonly watches = new Map<string, Watch>()
  readonly agents = new Map<string, Agent>()
  readonly controllers: readonly Line[] = [new Line(), new Line()]
  readonly #choose: (count: number) => number
  #number = 0
  tokens: number[] = []
  /** When two were alive at once. */
  readonly doubled: number[] = []
  lives = 0

  constructor(names: readonly string[], choose: (count: number) => number, isCareless = false) {
    this.names = names
    this.#choose = choose
    this.isCareless = isCareless
    for (const name of names) {
      this.watches.set(name, new Watch(this, this.clock))
      this.startAgent(name)
    }
    for (const line of this.controllers) void this.#control(line)
  }

  startAgent(name: string): void {
    this.agents.get(name)?.end()
    this.agents.set(name, new Agent(this, name, this.watches.get(name) as Watch, ++this.#number))
  }

  started(token: number): void {
    this.lives++
    this.tokens.push(token)
  }

  async instanceOn(node: string, api: ResourceApi): Promise<Instance | undefined> {
    const kind = api.kinds.byKind('Instance')
    const { items } = await api.list<Instance>(kind, { node })
    return items[0]
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.clock.advance(250)
      for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve))
      const alive = [...this.watches.values()].filter(({ isAlive }) => isAlive).length
      if (alive > 1) this.doubled.push(this.clock.monotonic())
    }
  }

  /** Both act, one of them maybe on what it read long ago: that none leads makes it harder. */
  async #control(line: Line): Promise<void> {
    const clock = line.clock(this.clock)
    const store = line.over(this.store, this.clock)
    const api = await openApi({ store, clock, ids: randomIds })
    const heartbeats = new Heartbeats({ store, clock, blindMs: 4_000 })
    let instances: readonly Instance[] = []
    const cache = {
      index: () => ({ get: (node: string) => instances.filter(({ spec }) => spec.node === node) }),
    } as unknown as ConstructorParameters<typeof Fencing>[0]['cache']
    const fencing = new Fencing({ cache, api, store, logger: silentLogger }, heartbeats)
    for (;;) {
      await delay(clock, 1_000)
      try {
        await heartbeats.look(this.names)
        for (const name of this.names)
          if ((heartbeats.silentMs(name) ?? 0) >= JUDGED_MS) await fencing.fence(name)
        instances = (await api.list<Instance>(api.kinds.byKind('Instance'))).items
        if (instances.length === 0) await this.#place(api, heartbeats)
      } catch {
        // away, or another was faster: the next look finds out
      }
    }
  }

  async #place(api: ResourceApi, heartbeats: Heartbeats): Promise<void> {
    const heard = this.names.filter((name) => (heartbeats.silentMs(name) ?? 0) < FENCE_STOP_MS)
    const node = heard[this.#choose(heard.length)]
    if (node === undefined) return
    const object = {
      apiVersion: API_VERSION,
      kind: 'Instance',
      metadata: {
        name: `web-0-${this.#choose(1e6)}`,
        namespace: REF.namespace,
        finalizers: [FINALIZERS.runtime],
      },
      spec: { service: SERVICE, ordinal: 0, node, templateHash: 'h', attempt: 0, template: {}, unique: true },
    }
    await api.createOwned([object as unknown as AnyResource])
  }
}
