/** Programs that run for no instance that the store knows. */
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { type ProgramId, programKey, type Runtime } from '../../runtimes/runtime.ts'
import { programIds } from './specs.ts'

export interface OrphanOptions {
  readonly node: string
  /** In sync: what it does not know is nobody's. */
  readonly cache: ObjectCache
  readonly runtime: Pick<Runtime, 'observe' | 'stop' | 'forget'>
  readonly logger: Logger
}

const GRACE_MS = 10_000

/** Ends them, and forgets those that have ended. Returns how many it had to end. */
export async function endOrphans(options: OrphanOptions): Promise<number> {
  const { runtime, cache, node } = options
  const wanted = new Set<string>()
  for (const one of cache.list<Instance>('Instance')) {
    if (one.spec.node === node) for (const id of programIds(one)) wanted.add(programKey(id))
  }
  const orphans = [...runtime.observe().values()].filter((seen) => !wanted.has(programKey(seen.id)))
  const running = orphans.filter((seen) => seen.state !== 'exited')
  await Promise.all([
    ...running.map((seen) => endUnwanted(options, seen.id)),
    ...orphans.filter((seen) => seen.state === 'exited').map((seen) => runtime.forget(seen.id)),
  ])
  return running.length
}

/** Ends one program that nobody wants. */
export async function endUnwanted(
  { runtime, logger }: Pick<OrphanOptions, 'runtime' | 'logger'>,
  id: ProgramId,
): Promise<void> {
  logger.log('warn', 'ending a program that no instance wants', { program: programKey(id) })
  await runtime.stop(id, { signal: 'SIGTERM', graceMs: GRACE_MS })
}
