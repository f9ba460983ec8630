/**
 * Owns the runtime as soon as the owner before is dead, and starts and stops programs at random until it is killed. It
 * notes every end it hears of before anything else can happen.
 *
 *     node owner.ts STATE_DIR WORK_DIR SEED
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../../src/core/clock.ts'
import { isNsctlError } from '../../../../src/core/errors.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import { openProcessRuntime } from '../../../../src/runtimes/process/runtime.ts'
import { KEYS, LOG_LIMITS, noteEnds, specOf } from './workload.ts'

const [stateDir = '', workDir = '', seed = '1'] = process.argv.slice(2)
const random = mulberry(Number(seed))
process.stdout.write('ready\n')
const runtime = await inherit()
noteEnds(runtime, workDir)
process.stdout.write('open\n')

for (;;) {
  const spec = specOf(KEYS[Math.floor(random() * KEYS.length)] as string, workDir)
  const choice = random()
  if (choice < 0.6) await runtime.start(spec, AbortSignal.timeout(60_000))
  else await runtime.stop(spec.id, { signal: 'SIGTERM', graceMs: choice < 0.7 ? 0 : 200 })
  await sleep(random() * 20)
}

async function inherit() {
  for (;;) {
    try {
      const options = { clock: systemClock, logger: silentLogger, logLimits: LOG_LIMITS }
      return await openProcessRuntime({ stateDir, ...options })
    } catch (error) {
      if (!isNsctlError(error, 'Conflict')) throw error
      await sleep(1)
    }
  }
}

/** A small generator of random numbers with a seed, so that a run can be told apart from another. */
function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
