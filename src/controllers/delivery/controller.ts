/**
 * The Delivery controller: gives nodes what their instances name of Configs and Secrets, each version apart, and takes away what
 * nobody there needs any more. Read → plan → apply → one status write, for one Config or Secret at a time.
 */
import type { ResourceController, ResourceReader } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json, type JsonObject } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ControllerSpec } from '../../engine/controller.ts'
import { requestDeletes } from '../../engine/deletion.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import { type ConditionInput, findCondition } from '../../resources/conditions.ts'
import type {
  Config,
  Delivery,
  Instance,
  Node,
  Secret,
  SecretStatus,
  Service,
} from '../../resources/generated/types.ts'
import { deliveryName, type MaterialKind } from '../../resources/materials.ts'
import { type AnyResource, API_VERSION, type ObjectRef } from '../../resources/object.ts'
import { configsAt, secretsAt } from './content.ts'
import { lostFault, refusalFault, reportedFaults } from './faults.ts'
import { isIdentityFault, type OwnIdentity, type Standing } from './own-identity.ts'
import { type DeliveryPlan, type Grant, type Need, planDeliveries } from './plan.ts'
import { cannotOpen, Opened, openableCondition } from './sealed.ts'
import { configStatus, type DeliveryFault, secretStatus, type Usage } from './status.ts'
import { deliveryWatches, type MaterialIndexes, materialIndexes, materialText } from './watches.ts'

export type DeliveryApi = Pick<
  ResourceController,
  'createOwned' | 'updateOwned' | 'updateStatus' | 'amendStatus' | 'requestDelete' | 'recordEvent'
> &
  Pick<ResourceReader, 'history'>

export interface DeliveryControllerOptions {
  readonly cache: ObjectCache
  readonly api: DeliveryApi
  readonly clock: Clock
  readonly own: Pick<OwnIdentity, 'standing'>
  /** An identity that is brought back is found after so long; 5 s where left out. */
  readonly identityRecheckMs?: number
}

const IDENTITY_RECHECK_MS = 5_000

/** Its keys are Configs and Secrets. */
export function deliveryController(options: DeliveryControllerOptions): ControllerSpec {
  return {
    name: 'material',
    watches: deliveryWatches(options.cache),
    reconciler: new DeliveryReconciler(options),
    concurrency: 16,
  }
}

/** What a reconcile has read of one Config or Secret. */
interface Situation {
  readonly ref: ObjectRef & { readonly kind: MaterialKind }
  readonly deliveries: readonly Delivery[]
  readonly plan: DeliveryPlan
}

/** A Delivery's content for one node, or why there is none. */
type Content = { readonly grant: Grant } & ({ readonly spec: JsonObject } | { readonly fault: DeliveryFault })

interface Applied {
  readonly usage: Usage
  /** What keeps content from a node. */
  readonly faults: readonly DeliveryFault[]
}

class DeliveryReconciler {
  readonly #options: DeliveryControllerOptions
  readonly #named: MaterialIndexes

  constructor(options: DeliveryControllerOptions) {
    this.#options = options
    this.#named = materialIndexes(options.cache)
  }

  async reconcile(key: ObjectRef): Promise<Outcome> {
    const ref = key as Situation['ref']
    return ref.kind === 'Config' ? await this.#config(ref) : await this.#secret(ref)
  }

  async #config(ref: Situation['ref']): Promise<Outcome> {
    const { cache, api } = this.#options
    const config = cache.get<Config>(ref)
    const situation = this.#read(ref)
    const { plan, deliveries } = situation
    const found = await configsAt(api, ref, versionsOf(plan.make), { config, deliveries })
    const contents = plan.make.map((grant): Content => {
      const values = found.get(grant.version)
      return values === undefined ? { grant, fault: lostFault(grant) } : { grant, spec: { values } }
    })
    const { usage, faults } = await this.#apply(situation, contents)
    if (config === undefined) return settled
    const status = configStatus(config, usage, faults)
    if (!deepEqual(status, config.status))
      await api.updateStatus({ ...ref, uid: config.metadata.uid }, status as unknown as Json)
    return settled
  }

  async #secret(ref: Situation['ref']): Promise<Outcome> {
    const { cache, own, identityRecheckMs = IDENTITY_RECHECK_MS } = this.#options
    const secret = cache.get<Secret>(ref)
    const situation = this.#read(ref)
    const { make, renew } = situation.plan
    const grants = [...make, ...renew]
    if (secret === undefined && grants.length === 0) {
      await this.#apply(situation, [])
      return settled
    }
    const standing = await own.standing()
    const opened = 'identities' in standing ? new Opened(ref, standing.identities) : undefined
    const contents = await this.#sealed(ref, secret, { grants, standing, opened })
    const applied = await this.#apply(situation, contents)
    if (secret !== undefined) {
      const openable = await openableCondition(secret, standing, opened)
      await this.#writeStatus(ref, secret, { ...applied, openable })
    }
    return 'fault' in standing ? recheck(identityRecheckMs, 'the control plane cannot open Secrets') : settled
  }

  #read(ref: Situation['ref']): Situation {
    const { cache } = this.#options
    const text = materialText(ref)
    const deliveries = this.#named.deliveries.get<Delivery>(text)
    const plan = planDeliveries({
      kind: ref.kind,
      needs: this.#named.instances.get<Instance>(text).flatMap((one) => needsOf(one, ref)),
      deliveries: deliveries.map(({ metadata, spec }) => ({
        name: metadata.name,
        node: spec.node,
        version: spec.version,
        recipient: spec.recipient,
      })),
      nodes: cache.list<Node>('Node').map(({ metadata, spec, status }) => ({
        name: metadata.name,
        pinned: spec?.recipient,
        reported: status?.recipient,
      })),
    })
    return { ref, deliveries, plan }
  }

  async #sealed(
    ref: ObjectRef,
    secret: Secret | undefined,
    {
      grants,
      standing,
      opened,
    }: { grants: readonly Grant[]; standing: Standing; opened: Opened | undefined },
  ): Promise<readonly Content[]> {
    if (opened === undefined) {
      const fault = 'fault' in standing ? { reason: standing.fault, message: standing.message } : undefined
      return fault === undefined ? [] : grants.map((grant) => ({ grant, fault }))
    }
    const found = await secretsAt(this.#options.api, ref, versionsOf(grants), secret)
    return await Promise.all(
      grants.map(async (grant): Promise<Content> => {
        const values = found.get(grant.version)
        if (values === undefined) return { grant, fault: lostFault(grant) }
        try {
          return { grant, spec: await opened.sealFor(grant, values) }
        } catch (error) {
          return { grant, fault: cannotOpen(error) }
        }
      }),
    )
  }

  async #apply({ ref, deliveries, plan }: Situation, contents: readonly Content[]): Promise<Applied> {
    const { api } = this.#options
    const renewed = new Map(plan.renew.map((one) => [`${one.version} ${one.node}`, one.name]))
    const faults: DeliveryFault[] = []
    const made: AnyResource[] = []
    const renewals: Promise<void>[] = []
    for (const content of contents) {
      const { grant } = content
      const name = renewed.get(`${grant.version} ${grant.node}`)
      if ('fault' in content) faults.push(content.fault)
      else if (name === undefined) made.push(deliveryOf(ref, grant, content.spec))
      else
        renewals.push(
          api.updateOwned({ ...ref, kind: 'Delivery', name }, (spec) => ({ ...spec, ...content.spec })),
        )
    }
    const surplus = new Set(plan.remove)
    const ended = deliveries.filter(({ metadata }) => surplus.has(metadata.name))
    if (made.length > 0) await api.createOwned(made)
    await Promise.all([...renewals, requestDeletes(api, ended as unknown as readonly AnyResource[])])
    const kept = deliveries.filter(({ metadata }) => !surplus.has(metadata.name))
    const services = this.#named.services.get<Service>(materialText(ref)).map(({ metadata }) => metadata.name)
    const given = contents.filter((one) => 'spec' in one).map(({ grant }) => grant.node)
    return {
      faults: [...faults, ...plan.refused.map(refusalFault), ...reportedFaults(kept)],
      usage: { services, nodes: [...kept.map(({ spec }) => spec.node), ...given] },
    }
  }

  async #writeStatus(
    ref: ObjectRef,
    secret: Secret,
    said: Applied & { readonly openable: ConditionInput },
  ): Promise<void> {
    const { api, clock } = this.#options
    const input = { secret, now: new Date(clock.now()).toISOString(), ...said }
    const status = secretStatus(secret.status, input)
    if (deepEqual(status, secret.status)) return
    const about = { ...ref, uid: secret.metadata.uid }
    await api.amendStatus(
      about,
      (before) => secretStatus(before as unknown as SecretStatus | undefined, input) as unknown as Json,
    )
    for (const type of ['Openable', 'Delivered']) {
      const [old, fresh] = [secret.status, status].map((one) => findCondition(one?.conditions, type))
      // what is wrong with the identity is told once, and not with every Secret
      if (fresh?.status !== 'False' || old?.message === fresh.message || isIdentityFault(fresh.reason))
        continue
      const { reason, message = '' } = fresh
      await api.recordEvent({ about, type: 'Warning', reason, message, source: 'delivery-controller' })
    }
  }
}

/** What an instance names, and what it runs with until it has that. */
function needsOf({ metadata, spec, status }: Instance, { kind, name }: Situation['ref']): readonly Need[] {
  const isIt = (one: { readonly kind: string; readonly name: string }) =>
    one.kind === kind && one.name === name
  const ending = metadata.deletionTimestamp !== undefined
  const { node } = spec
  return [
    ...(spec.materials ?? []).filter(isIt).map(({ version }) => ({ node, version, ending })),
    ...(status?.materials ?? []).filter(isIt).map(({ version }) => ({ node, version, ending: true })),
  ]
}

function versionsOf(grants: readonly Grant[]): ReadonlySet<string> {
  return new Set(grants.map(({ version }) => version))
}

function deliveryOf(
  { kind, namespace, name }: Situation['ref'],
  grant: Grant,
  content: JsonObject,
): AnyResource {
  const { node, version } = grant
  return {
    apiVersion: API_VERSION,
    kind: 'Delivery',
    metadata: {
      name: deliveryName({ kind, name, version }, node),
      ...(namespace === undefined ? {} : { namespace }),
    },
    spec: { node, source: { kind, name }, version, ...content },
  } as AnyResource
}
