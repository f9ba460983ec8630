/** The agent's Volume controller: says where data lies, and removes it when its end was asked for. */
import type { ResourceController } from '../api/api.ts'
import { seenRef } from '../api/seen.ts'
import { deepEqual } from '../core/json.ts'
import type { Logger } from '../core/logger.ts'
import type { ObjectCache } from '../engine/cache.ts'
import { type ControllerSpec, ownKey } from '../engine/controller.ts'
import { type Outcome, recheck, settled } from '../engine/reconciler.ts'
import type { Volume, VolumeStatus } from '../resources/generated/types.ts'
import type { ObjectRef } from '../resources/object.ts'
import type { Runtime, RuntimeStorage, VolumeId } from '../runtimes/runtime.ts'

export interface VolumeControllerOptions {
  readonly node: string
  readonly cache: ObjectCache
  readonly api: Pick<ResourceController, 'updateStatus'>
  readonly runtime: RuntimeStorage & Pick<Runtime, 'observe'>
  readonly logger: Logger
}

const IN_USE_RECHECK_MS = 500

/** For the Volumes of one node. Data goes only while no program of its ordinal runs. */
export function volumeController(options: VolumeControllerOptions): ControllerSpec {
  return {
    name: 'volume',
    watches: [{ kind: 'Volume', toKeys: ownKey }],
    reconciler: { reconcile: (ref) => reconcileVolume(options, ref) },
  }
}

async function reconcileVolume(options: VolumeControllerOptions, ref: ObjectRef): Promise<Outcome> {
  const volume = options.cache.get<Volume>(ref)
  if (volume === undefined || volume.spec.node !== options.node) return settled
  const { service, volume: name, ordinal } = volume.spec
  const id: VolumeId = { namespace: volume.metadata.namespace ?? '', service, volume: name, ordinal }
  if (volume.metadata.deletionTimestamp === undefined) {
    return await write(options, ref, volume, { phase: 'Present', path: options.runtime.storagePath(id) })
  }
  if (volume.status?.phase === 'Purged') return settled
  if (isInUse(options.runtime, id)) return recheck(IN_USE_RECHECK_MS, 'a program still uses the data')
  await options.runtime.purgeStorage(id)
  options.logger.log('info', 'removed data', { volume: `${id.namespace}/${ref.name}` })
  return await write(options, ref, volume, { phase: 'Purged' })
}

function isInUse(runtime: Pick<Runtime, 'observe'>, volume: VolumeId): boolean {
  return [...runtime.observe().values()].some(
    ({ id, state }) =>
      state !== 'exited' &&
      id.namespace === volume.namespace &&
      id.service === volume.service &&
      id.ordinal === volume.ordinal,
  )
}

async function write(
  options: VolumeControllerOptions,
  ref: ObjectRef,
  volume: Volume,
  status: VolumeStatus,
): Promise<Outcome> {
  if (!deepEqual(volume.status, status)) {
    await options.api.updateStatus(seenRef(volume, ref), { ...status })
  }
  return settled
}
