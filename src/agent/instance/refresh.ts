/** Configs and Secrets that change while an instance runs: their files are replaced, and its programs are told where that was asked for. */
import { deepEqual } from '../../core/json.ts'
import type { Instance, InstanceMaterial } from '../../resources/generated/types.ts'
import type { ObservedProgram, ProgramId } from '../../runtimes/runtime.ts'
import type { Composition } from '../material/compose.ts'
import { sourceText } from '../material/gathering.ts'
import type { Materials } from '../material/materials.ts'
import type { InstanceEvent } from './announce.ts'
import type { InstanceRecord, Obstacle } from './record.ts'
import { programIds } from './specs.ts'

const DEFAULT_SIGNAL = 'SIGHUP'
/** A signal ends a program that has not come to listening for it: until it is ready it is given so long. */
const LISTENS_AFTER_MS = 1_000

/** Whether the instance should have something else than it was given. */
export function materialsChanged(instance: Instance, record: InstanceRecord): boolean {
  return !deepEqual(record.materials, instance.spec.materials ?? [])
}

export interface RefreshRequest {
  readonly instance: Instance
  readonly record: InstanceRecord
  readonly composition: Composition
  /** By the program's key. */
  readonly observed: ReadonlyMap<string, ObservedProgram>
  /** Wall clock, milliseconds. */
  readonly nowMs: number
}

/**
 * Gives the programs that run what has changed, and sends each one signal where any of it asks for that. What cannot be had yet leaves
 * them with what they have. Returns what there is to tell.
 */
export async function refresh(
  request: RefreshRequest,
  materials: Pick<Materials, 'place' | 'reload'>,
): Promise<InstanceEvent | undefined> {
  const { instance, record, composition, observed } = request
  if (composition.kind === 'obstacle') return undefined
  const running = programIds(instance).filter((_, index) => {
    const state = observed.get(record.programs[index]?.key ?? '')?.state
    return state === 'running' || state === 'starting'
  })
  if (running.length === 0) return undefined
  const changed = changesOf(record.materials, instance.spec.materials ?? [])
  const signal = signalFor(instance, changed)
  if (signal !== undefined && mayNotListen(request)) {
    const message = `has just started, and is sent ${signal} for ${changed.map(sourceText).join(', ')} in a moment`
    record.materialNote = { lacking: true, reason: 'Starting', message }
    return undefined
  }
  const fault = await placeAll(running, composition, materials)
  if (fault !== undefined) {
    const { reason, message } = fault
    record.materialNote = { lacking: true, reason, message }
    return undefined
  }
  if (signal !== undefined) for (const id of running) await materials.reload(id, signal)
  record.materials = instance.spec.materials ?? []
  const told = signal === undefined ? '' : ` and was sent ${signal}`
  const message = `was given ${changed.map(sourceText).join(', ')} anew${told}`
  return { type: 'Normal', reason: signal === undefined ? 'MaterialsChanged' : 'Reloaded', message }
}

/** Whether any of the programs may be on its way to listening for signals still. */
function mayNotListen({ record, observed, nowMs }: RefreshRequest): boolean {
  return record.programs.some(({ key, readiness }) => {
    const seen = observed.get(key)
    if (seen?.state === 'starting') return true
    if (seen?.state !== 'running' || readiness?.healthy === true) return false
    return seen.startedAtMs !== undefined && nowMs - seen.startedAtMs < LISTENS_AFTER_MS
  })
}

async function placeAll(
  ids: readonly ProgramId[],
  composition: Extract<Composition, { kind: 'composed' }>,
  materials: Pick<Materials, 'place'>,
): Promise<Obstacle | undefined> {
  const placed = await Promise.all(
    ids.map((id) => {
      const material = composition.programs.get(id.program)?.material
      return material && materials.place(id, material)
    }),
  )
  await Promise.all(placed.map((one) => one?.kept))
  return placed.find((one) => one?.fault !== undefined)?.fault
}

/** What is there at another version, has come or has gone. */
function changesOf(
  before: readonly InstanceMaterial[],
  now: readonly InstanceMaterial[],
): readonly InstanceMaterial[] {
  const isIn = (list: readonly InstanceMaterial[], one: InstanceMaterial) =>
    list.some((other) => deepEqual(other, one))
  const isNamed = (one: InstanceMaterial) =>
    now.some((other) => other.kind === one.kind && other.name === one.name)
  return [
    ...now.filter((one) => !isIn(before, one)),
    ...before.filter((one) => !isIn(now, one) && !isNamed(one)),
  ]
}

/** Undefined where no program is to be told. */
function signalFor({ spec }: Instance, changed: readonly InstanceMaterial[]): string | undefined {
  const { configs = [], secrets = [], reload } = spec.template
  const asks = changed.some(({ kind, name }) =>
    (kind === 'Config' ? configs : secrets).some((ref) => ref.name === name && ref.onChange === 'reload'),
  )
  return asks ? (reload?.signal ?? DEFAULT_SIGNAL) : undefined
}
