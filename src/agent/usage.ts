/** Samples what instances use, so that `describe` can say it. Written only where it changed enough to matter. */
import type { Clock } from '../core/clock.ts'
import { delay } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Runnable } from '../engine/manager.ts'
import type { ObjectRef } from '../resources/object.ts'
import type { ProgramUsage, Runtime } from '../runtimes/runtime.ts'
import type { InstanceAgent } from './instance/controller.ts'
import type { InstanceRecord } from './instance/record.ts'

export interface UsageOptions {
  readonly runtime: Pick<Runtime, 'usage'>
  readonly agent: Pick<InstanceAgent, 'places'>
  readonly clock: Clock
  readonly logger: Logger
  readonly enqueue: (ref: ObjectRef) => void
  readonly everyMs?: number
}

const EVERY_MS = 10_000
/** Smaller changes are not worth a write. */
const NOTABLE_PART = 0.1
const NOTABLE_CPU_MILLIS = 10
const NOTABLE_BYTES = 2 ** 20

/** Samples until it is stopped. A sample that fails is logged; the figures stay as they were. */
export function usageSampler(options: UsageOptions): Runnable {
  const { clock, logger, everyMs = EVERY_MS } = options
  return {
    name: 'usage',
    async run(signal) {
      let before: Sample | undefined
      while (!signal.aborted) {
        try {
          before = await sample(options, before)
        } catch (error) {
          logger.log('warn', `cannot read what instances use: ${messageOf(error)}`)
        }
        await delay(clock, everyMs, signal).catch(() => undefined)
      }
    },
  }
}

interface Sample {
  readonly atMs: number
  readonly byProgram: ReadonlyMap<string, ProgramUsage>
}

async function sample(options: UsageOptions, before: Sample | undefined): Promise<Sample> {
  const usages = await options.runtime.usage()
  const now: Sample = {
    atMs: options.clock.monotonic(),
    byProgram: new Map(usages.map((one) => [one.key, one])),
  }
  const running = new Map<InstanceRecord, ObjectRef>()
  for (const [key, { ref, record }] of options.agent.places()) {
    if (now.byProgram.has(key)) running.set(record, ref)
  }
  for (const [record, ref] of running) {
    if (isNew(record, before)) continue
    const programs = record.programs.flatMap((one) => now.byProgram.get(one.key) ?? [])
    const memoryBytes = programs.reduce((sum, one) => sum + one.memoryBytes, 0)
    const cpuMillis = before === undefined ? undefined : cpuSince(before, now, programs)
    if (
      notable(record.memoryBytes, memoryBytes, NOTABLE_BYTES) ||
      notable(record.cpuMillis, cpuMillis, NOTABLE_CPU_MILLIS)
    ) {
      record.memoryBytes = memoryBytes
      record.cpuMillis = cpuMillis
      options.enqueue(ref)
    }
  }
  return now
}

/**
 * What has not run from one sample to the next would be told of its start alone. That waits for the next: where many start at once, nobody needs
 * another write of each. Of what is started again and again it is told all the same.
 */
function isNew({ memoryBytes, programs }: InstanceRecord, before: Sample | undefined): boolean {
  return (
    memoryBytes === undefined &&
    before !== undefined &&
    programs.some((one) => one.restarts === 0 && one.startedAtMs > before.atMs)
  )
}

/** Thousandths of a core used between two samples. A program that is new since is counted from its start. */
function cpuSince(before: Sample, now: Sample, programs: readonly ProgramUsage[]): number {
  const usedMs = programs.reduce((sum, one) => {
    const earlier = before.byProgram.get(one.key)?.cpuMs ?? 0
    // a restarted program begins at 0 again
    return sum + (one.cpuMs >= earlier ? one.cpuMs - earlier : one.cpuMs)
  }, 0)
  return Math.round((usedMs / Math.max(1, now.atMs - before.atMs)) * 1000)
}

function notable(before: number | undefined, after: number | undefined, atLeast: number): boolean {
  if (before === undefined || after === undefined) return before !== after
  const difference = Math.abs(after - before)
  return difference >= atLeast && difference >= before * NOTABLE_PART
}
