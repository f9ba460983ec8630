/** What the agent does when the fence falls: unique programs are asked to end. What does not heed that is killed by the runtime. */
import type { ObjectCache } from '../../engine/cache.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { programKey, type Runtime, type RuntimeFence } from '../../runtimes/runtime.ts'
import type { Place } from '../instance/places.ts'

export interface EndUniqueOptions {
  readonly runtime: Pick<Runtime, 'observe' | 'stop'> & Pick<RuntimeFence, 'fenced'>
  readonly cache: Pick<ObjectCache, 'get'>
  /** What runs, by the program's key. */
  readonly places: ReadonlyMap<string, Place>
}

const REASON = { reason: 'LeaseLost', message: 'this node could not renew its lease in time' } as const

/** Asks the store nothing: it is away. Resolves when all have been asked. */
export async function endUnique(
  { runtime, cache, places }: EndUniqueOptions,
  graceMs: number,
): Promise<void> {
  const observed = runtime.observe()
  const running = runtime.fenced().filter((id) => {
    const state = observed.get(programKey(id))?.state
    return state !== undefined && state !== 'exited'
  })
  await Promise.all(
    running.map((id) => {
      const place = places.get(programKey(id))
      if (place !== undefined) place.program.endingFor = REASON
      const signal = place && cache.get<Instance>(place.ref)?.spec.template.stop.signal
      return runtime.stop(id, { signal: signal ?? 'SIGTERM', graceMs })
    }),
  )
}
