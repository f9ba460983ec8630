/** Leaves nothing on the machine: for `nsctl down`. */
import { rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { delay } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { formatCount } from '../../core/words.ts'
import type { Runtime } from '../runtime.ts'
import type { Machine } from './machine.ts'
import type { Program } from './program.ts'
import { listVolumes } from './storage.ts'

const LOOK_EVERY_MS = 20

/** Stops and forgets every program. Storage and logs go only with `purge`; says what stays, one line each. */
export async function removeEverything(
  runtime: Pick<Runtime, 'stop' | 'forget'>,
  programs: readonly Program[],
  machine: Machine,
  options: { readonly purge: boolean; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const { layout, clock } = machine
  // the clock's timers keep no process alive, but whoever waits for this must not end in the middle
  const awake = setInterval(() => {}, LOOK_EVERY_MS)
  try {
    for (const { spec } of programs) await runtime.stop(spec.id, spec.stop)
    for (const program of programs) {
      while (!program.isSettled)
        await delay(clock, LOOK_EVERY_MS, options.signal).catch((reason) =>
          Promise.reject(unfinished(programs, reason)),
        )
      await runtime.forget(program.spec.id)
    }
  } finally {
    clearInterval(awake)
  }
  machine.materials.clear()
  if (!options.purge)
    return [
      ...listVolumes(layout).map(
        (volume) =>
          `storage ${volume.volume} of ${volume.namespace}/${volume.service}-${volume.ordinal} in ${layout.storage}`,
      ),
      ...(programs.length === 0 ? [] : [`logs in ${layout.logs}`]),
    ]
  rmSync(layout.logs, { recursive: true, force: true })
  await rm(layout.storage, { recursive: true, force: true })
  return []
}

function unfinished(programs: readonly Program[], cause: unknown): NsctlError {
  const left = programs.filter((program) => !program.isSettled).map(({ key }) => key)
  const verb = left.length === 1 ? 'has' : 'have'
  const message = `${formatCount(left.length, 'program')} ${verb} not ended yet: ${left.join(', ')}`
  return new NsctlError('Timeout', message, {
    value: left,
    next: 'their grace period goes on; run this again to wait for its end',
    cause,
  })
}
