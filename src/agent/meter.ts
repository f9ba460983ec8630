/** What this node's instances use and how they are, for metrics: looked at when somebody asks. */
import type { ObjectCache } from '../engine/cache.ts'
import { refKey } from '../engine/controller.ts'
import { isBusy } from '../resources/busy.ts'
import type { Instance } from '../resources/generated/types.ts'
import type { ProgramUsage, Runtime } from '../runtimes/runtime.ts'
import type { InstanceFigures, ProbeFigures } from '../telemetry/instances.ts'
import type { InstanceAgent } from './instance/controller.ts'
import type { Place } from './instance/places.ts'
import type { InstanceRecord } from './instance/record.ts'

export interface MeterOptions {
  readonly node: string
  readonly runtime: Pick<Runtime, 'usage' | 'observe'>
  readonly agent: Pick<InstanceAgent, 'places'>
  readonly cache: Pick<ObjectCache, 'list'>
}

type Total = 'cpuMs' | 'readBytes' | 'writtenBytes'
const TOTALS: readonly Total[] = ['cpuMs', 'readBytes', 'writtenBytes']

/** What the runtime last said of a program, and what it comes to with all processes that it had before. */
interface Account {
  readonly startedAtMs: number | undefined
  readonly said: Readonly<Partial<Record<Total, number>>>
  readonly totals: Readonly<Partial<Record<Total, number>>>
}

export class InstanceMeter {
  readonly #options: MeterOptions
  /** By the program's key and its instance's uid. */
  #accounts = new Map<string, Account>()

  constructor(options: MeterOptions) {
    this.#options = options
  }

  async read(): Promise<readonly InstanceFigures[]> {
    const { node, runtime, agent, cache } = this.#options
    const usages = new Map((await runtime.usage({ io: true })).map((one) => [one.key, one]))
    const byRef = placesByRef(agent.places())
    const before = this.#accounts
    this.#accounts = new Map()
    const instances = cache.list<Instance>('Instance').filter(({ spec }) => spec.node === node)
    return instances.map((instance) => {
      const { namespace = '', name } = instance.metadata
      const places = byRef.get(refKey({ kind: 'Instance', namespace, name })) ?? []
      return figuresOf(instance, places[0]?.record, this.#usageOf(places, usages, before))
    })
  }

  #usageOf(
    places: readonly Place[],
    usages: ReadonlyMap<string, ProgramUsage>,
    before: ReadonlyMap<string, Account>,
  ): InstanceFigures['usage'] {
    const running = places.flatMap(({ program }) => usages.get(program.key) ?? [])
    const accounts = places.flatMap(({ program, record }) => {
      const key = `${record.uid} ${program.key}`
      const account = this.#account(program.key, usages.get(program.key), before.get(key))
      if (account === undefined) return []
      this.#accounts.set(key, account)
      return [account]
    })
    // of what does not run there is no memory, but what it used is not undone
    if (accounts.length === 0) return undefined
    const sum = (which: Total) => {
      const told = accounts.flatMap(({ totals }) => totals[which] ?? [])
      return told.length === 0 ? undefined : told.reduce((total, one) => total + one, 0)
    }
    const [readBytes, writtenBytes] = [sum('readBytes'), sum('writtenBytes')]
    return {
      cpuMs: sum('cpuMs') ?? 0,
      memoryBytes: running.reduce((total, one) => total + one.memoryBytes, 0),
      ...(readBytes === undefined ? {} : { readBytes }),
      ...(writtenBytes === undefined ? {} : { writtenBytes }),
    }
  }

  /** What a process used is not lost with it, where it was looked at before its end. */
  #account(key: string, usage: ProgramUsage | undefined, before: Account | undefined): Account | undefined {
    if (usage === undefined) return before
    const startedAtMs = this.#options.runtime.observe().get(key)?.startedAtMs
    const said: Partial<Record<Total, number>> = { cpuMs: usage.cpuMs, ...usage.io }
    const isNew = before !== undefined && before.startedAtMs !== startedAtMs
    const totals: Partial<Record<Total, number>> = {}
    for (const which of TOTALS) {
      const now = said[which]
      const [last, total] = [before?.said[which], before?.totals[which]]
      if (now === undefined) {
        if (total !== undefined) totals[which] = total
      } else if (total === undefined || last === undefined) totals[which] = now + (total ?? 0)
      // children that ended may take what they used with them
      else totals[which] = total + (isNew ? now : Math.max(0, now - last))
    }
    return { startedAtMs, said: { ...before?.said, ...said }, totals }
  }
}

function placesByRef(places: ReadonlyMap<string, Place>): ReadonlyMap<string, readonly Place[]> {
  const byRef = new Map<string, Place[]>()
  for (const place of places.values()) {
    const key = refKey(place.ref)
    const known = byRef.get(key)
    if (known === undefined) byRef.set(key, [place])
    else known.push(place)
  }
  return byRef
}

function figuresOf(
  instance: Instance,
  record: InstanceRecord | undefined,
  usage: InstanceFigures['usage'],
): InstanceFigures {
  const { metadata, spec, status } = instance
  const busy = isBusy(instance)
  const startupMs = record?.startup?.startedAt === status?.startedAt ? record?.startup?.tookMs : undefined
  return {
    namespace: metadata.namespace ?? '',
    service: spec.service,
    instance: metadata.name,
    ready: status?.ready === true,
    ...(busy || status?.busy !== undefined ? { busy } : {}),
    restarts: status?.restarts ?? 0,
    ...(status?.startedAt === undefined ? {} : { startedAtMs: Date.parse(status.startedAt) }),
    ...(startupMs === undefined ? {} : { startupMs }),
    ...(usage === undefined ? {} : { usage }),
    probes: record === undefined ? [] : probesOf(record),
  }
}

function probesOf({ programs }: InstanceRecord): readonly ProbeFigures[] {
  return programs.flatMap(({ name, probeTimes }) =>
    (['startup', 'readiness', 'liveness', 'busy'] as const).flatMap((probe) => {
      const tally = probeTimes[probe]
      return tally === undefined ? [] : [{ program: name, probe, tally }]
    }),
  )
}
