/**
 * What only one may have: each ScaledObject claims its Service, each exposed Service the places where it is exposed, and each unique Instance
 * its ordinal, by entries that are written with them, so that of two that want the same one loses, however close together they come.
 */
import { NsctlError } from '../core/errors.ts'
import type { Path } from '../core/json.ts'
import type { Instance } from '../resources/generated/types.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'
import { type TargetRef, unsupportedTarget } from '../resources/scaledobject/target.ts'
import { exposureClaims, exposureOf } from '../resources/service/exposure.ts'
import type { ManifestService } from '../resources/service/manifest-types.ts'
import type { Operation } from '../store/store.ts'
import { type Fault, fault } from './admission/faults.ts'
import type { Manifest } from './api.ts'
import type { Stored } from './codec.ts'
import type { Context } from './context.ts'
import { exposeClaimKey, ordinalClaimKey, scaleClaimKey, type Target } from './keys.ts'

const NONE: readonly Operation[] = []

/** Who claims. */
export interface Claimant extends Pick<Target, 'namespace' | 'name'> {
  readonly kind: Pick<Target['kind'], 'kind' | 'group'>
}

/** One claim, and what is said to whoever comes too late. */
export interface Claim {
  readonly key: string
  /** Who has it, as the entry says it. */
  readonly holder: string
  readonly path: Path
  /** What is wanted. */
  readonly value: string
  readonly taken: (holder: string) => { readonly message: string; readonly next: string }
}

/** What its claims say of it. */
export function holderOf({ kind, namespace, name }: Claimant): string {
  return kind.kind === 'Service' ? `${namespace}/${name}` : name
}

/** What `object` claims; it need not be right. */
export function claimsOf(target: Claimant, object: AnyResource | undefined): readonly Claim[] {
  if (target.kind.group !== GROUP || target.namespace === undefined || object === undefined) return []
  if (target.kind.kind === 'ScaledObject') return scaleClaims(target, target.namespace, object)
  if (target.kind.kind === 'Service') return exposeClaims(target, object)
  if (target.kind.kind === 'Instance') return ordinalClaims(target.namespace, object)
  return []
}

/** Whose end frees it: a Service made again under the same name waits for what is left of the one before. */
function ordinalClaims(namespace: string, object: AnyResource): readonly Claim[] {
  const { service, ordinal, node, unique } = (object as unknown as Instance).spec
  if (unique !== true) return []
  return [
    {
      key: ordinalClaimKey(namespace, service, ordinal),
      holder: `${node}/${object.metadata.name}`,
      path: ['spec', 'ordinal'],
      value: String(ordinal),
      taken: (holder) => ({
        message: `${service}-${ordinal} is instance/${holder.slice(holder.indexOf('/') + 1)} already`,
        next: 'it is made once that one has ended',
      }),
    },
  ]
}

function scaleClaims(target: Claimant, namespace: string, { spec }: AnyResource): readonly Claim[] {
  const { name } = target
  const ref = spec?.scaleTargetRef as TargetRef | undefined
  if (typeof ref?.name !== 'string' || ref.name === '' || unsupportedTarget(ref) !== undefined) return []
  const service = ref.name
  return [
    {
      key: scaleClaimKey(namespace, service),
      holder: holderOf(target),
      path: ['spec', 'scaleTargetRef', 'name'],
      value: service,
      taken: (holder) => ({
        message: `service/${service} is scaled by scaledobject/${holder} already: scaledobject/${name} cannot scale it, too`,
        next: `Put what both are to do into one of them, or remove the other: nsctl delete scaledobject/${holder} -n ${namespace}`,
      }),
    },
  ]
}

function exposeClaims(target: Claimant, object: AnyResource): readonly Claim[] {
  const { name } = target
  const { expose, template } = (object as unknown as ManifestService).spec ?? {}
  if (expose === undefined || expose === null) return []
  return exposureClaims(exposureOf(expose, template?.ports)).map(({ listen, host, path }) => {
    const at = `${host === undefined ? listen : `${host}${listen === ':443' ? '' : ` at ${listen}`}`}${path === '/' ? '' : `, path ${path}`}`
    return {
      key: exposeClaimKey(listen, host, path),
      holder: holderOf(target),
      path: ['spec', 'expose'],
      value: at,
      taken: (holder) => ({
        message: `service/${holder.slice(holder.indexOf('/') + 1)} in namespace ${holder.slice(0, holder.indexOf('/'))} is exposed at ${at} already: service/${name} cannot be, too`,
        next: 'give one of them another domain, path or port to listen on',
      }),
    }
  })
}

/** What must be written with `next`: its claims, and that what it claimed before is free. */
export function claimOperations(
  target: Target,
  live: AnyResource | undefined,
  next: AnyResource,
): readonly Operation[] {
  const [before, after] = [claimsOf(target, live), claimsOf(target, next)]
  if (before.length + after.length === 0) return NONE
  const [had, has] = [new Set(before.map(({ key }) => key)), new Set(after.map(({ key }) => key))]
  return [
    ...before.filter(({ key }) => !has.has(key)).map(({ key }): Operation => ({ kind: 'delete', key })),
    ...after
      .filter(({ key }) => !had.has(key))
      .map(({ key, holder }): Operation => ({ kind: 'put', key, value: holder, expect: 0 })),
  ]
}

/** What must go with an object that is removed. */
export async function releaseOperations(
  { store }: Pick<Context, 'store'>,
  target: Target,
  { object }: Pick<Stored, 'object'>,
): Promise<readonly Operation[]> {
  const claims = claimsOf(target, object)
  if (claims.length === 0) return NONE
  const holders = new Map(claims.map(({ key, holder }) => [key, holder]))
  const entries = await store.getMany([...holders.keys()])
  return entries
    .filter(({ key, value }) => value === holders.get(key))
    .map(({ key, revision }): Operation => ({ kind: 'delete', key, expect: revision }))
}

/** That somebody cannot have `claim`, which `holder` has. */
export function claimFault(manifest: Manifest, { path, value, taken }: Claim, holder: string): Fault {
  const { message, next } = taken(holder)
  return fault(manifest, 'Conflict', message, { path, value, next })
}

/** @throws NsctlError Conflict where `next` wants what another has */
export async function refuseClaimed(
  { store }: Pick<Context, 'store'>,
  target: Target,
  live: AnyResource,
  next: AnyResource,
): Promise<void> {
  const had = new Set(claimsOf(target, live).map(({ key }) => key))
  const fresh = claimsOf(target, next).filter(({ key }) => !had.has(key))
  if (fresh.length === 0) return
  const found = new Map((await store.getMany(fresh.map(({ key }) => key))).map((one) => [one.key, one.value]))
  for (const claim of fresh) {
    const holder = found.get(claim.key)
    if (holder === undefined || holder === claim.holder) continue
    const { message, next: advice } = claim.taken(holder)
    throw new NsctlError('Conflict', message, { value: claim.value, next: advice })
  }
}
