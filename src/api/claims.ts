/**
 * Who scales a Service: each ScaledObject claims its Service by an entry that is written with it, so that of two that want the same one
 * loses, however close together they come.
 */
import { NsctlError } from '../core/errors.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'
import { type TargetRef, unsupportedTarget } from '../resources/scaledobject/target.ts'
import type { Operation } from '../store/store.ts'
import { type Fault, fault } from './admission/faults.ts'
import type { Manifest } from './api.ts'
import type { Stored } from './codec.ts'
import type { Context } from './context.ts'
import { scaleClaimKey, type Target } from './keys.ts'

const NONE: readonly Operation[] = []
const CLAIMED = ['spec', 'scaleTargetRef', 'name'] as const

/** Where the claim of `object` lies; undefined for what claims nothing. It need not be right. */
export function claimOf({ kind, namespace }: Target, object: AnyResource | undefined): string | undefined {
  if (kind.kind !== 'ScaledObject' || kind.group !== GROUP || namespace === undefined) return undefined
  const ref = object?.spec?.scaleTargetRef as TargetRef | undefined
  if (typeof ref?.name !== 'string' || ref.name === '' || unsupportedTarget(ref) !== undefined)
    return undefined
  return scaleClaimKey(namespace, ref.name)
}

/** What must be written with `next`: its claim, and that what it claimed before is free. */
export function claimOperations(
  target: Target,
  live: AnyResource | undefined,
  next: AnyResource,
): readonly Operation[] {
  const before = claimOf(target, live)
  const after = claimOf(target, next)
  if (before === after) return NONE
  return [
    ...(before === undefined ? NONE : [{ kind: 'delete', key: before } as const]),
    ...(after === undefined ? NONE : [{ kind: 'put', key: after, value: target.name, expect: 0 } as const]),
  ]
}

/** What must go with an object that is removed. */
export async function releaseOperations(
  { store }: Pick<Context, 'store'>,
  target: Target,
  { object }: Pick<Stored, 'object'>,
): Promise<readonly Operation[]> {
  const key = claimOf(target, object)
  const entry = key === undefined ? undefined : await store.get(key)
  return entry?.value === target.name ? [{ kind: 'delete', key: entry.key, expect: entry.revision }] : NONE
}

/** Why `next` cannot claim its Service, which `holder` has. */
export function claimFault(manifest: Manifest, target: Target, next: AnyResource, holder: string): Fault {
  const service = serviceOf(next)
  return fault(manifest, 'Conflict', claimedText(target.name, service, holder), {
    path: CLAIMED,
    value: service,
    next: claimedNext(target, holder),
  })
}

/** @throws NsctlError Conflict where `next` wants a Service that another scales */
export async function refuseClaimed(
  { store }: Pick<Context, 'store'>,
  target: Target,
  live: AnyResource,
  next: AnyResource,
): Promise<void> {
  const key = claimOf(target, next)
  if (key === undefined || key === claimOf(target, live)) return
  const holder = (await store.get(key))?.value
  if (holder === undefined || holder === target.name) return
  const service = serviceOf(next)
  throw new NsctlError('Conflict', claimedText(target.name, service, holder), {
    value: service,
    next: claimedNext(target, holder),
  })
}

function serviceOf({ spec }: AnyResource): string {
  return (spec?.scaleTargetRef as TargetRef | undefined)?.name ?? ''
}

function claimedText(name: string, service: string, holder: string): string {
  return `service/${service} is scaled by scaledobject/${holder} already: scaledobject/${name} cannot scale it, too`
}

function claimedNext({ namespace }: Target, holder: string): string {
  return `Put what both are to do into one of them, or remove the other: nsctl delete scaledobject/${holder} -n ${namespace}`
}
