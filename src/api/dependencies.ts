/**
 * Refuses Services that depend on each other in a circle. Only what is stored and what comes with it is seen: of two changes that close a
 * circle at the same time neither is, and the controller names it instead.
 */
import { NsctlError } from '../core/errors.ts'
import { deepEqual } from '../core/json.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'
import {
  cycleText,
  type Dependent,
  dependenciesOf,
  findCycle,
  nameOfService,
} from '../resources/service/dependencies.ts'
import { type Fault, fault } from './admission/faults.ts'
import type { Manifest } from './api.ts'
import { decodeObject } from './codec.ts'
import type { Context } from './context.ts'
import { objectKey, type Target } from './keys.ts'

/** More are not followed: nobody has so many. */
const MOST_SERVICES = 1_000
const DEPENDS_ON = ['spec', 'dependsOn'] as const

/** One change of a set. */
export interface Change {
  readonly target: Target
  readonly before: AnyResource | undefined
  readonly next: AnyResource
}

/**
 * By the name of a Service, `shop/web`: the circle that it would be in. Only who depends on others than before can close one; who does not
 * costs nothing.
 */
export async function findCycles(
  { store }: Pick<Context, 'store'>,
  changes: readonly Change[],
): Promise<ReadonlyMap<string, string>> {
  const services = changes.filter(({ target }) => isService(target))
  const dependents = services.filter(({ before, next }) => {
    const { dependsOn = [] } = ofService(next).spec
    return dependsOn.length > 0 && !deepEqual(dependsOn, before && ofService(before).spec.dependsOn)
  })
  if (dependents.length === 0) return new Map()
  const edges = new Map<string, readonly string[]>()
  for (const { next } of services) edges.set(nameOf(next), dependenciesOf(ofService(next)))
  await follow({ store }, dependents[0]!.target, edges)
  return new Map(
    dependents.flatMap(({ next }) => {
      const cycle = findCycle(nameOf(next), (name) => edges.get(name) ?? [])
      return cycle === undefined ? [] : [[nameOf(next), cycleText(cycle)] as const]
    }),
  )
}

/** Reads what is not known of those that are depended on, and of those that these depend on. */
async function follow(
  { store }: Pick<Context, 'store'>,
  { kind }: Target,
  edges: Map<string, readonly string[]>,
): Promise<void> {
  let open = unknown(edges)
  while (open.length > 0 && edges.size < MOST_SERVICES) {
    for (const name of open) edges.set(name, [])
    for (const entry of await store.getMany(open.map((name) => keyOf(kind, name)))) {
      const object = decodeObject(entry)
      edges.set(nameOf(object), dependenciesOf(ofService(object)))
    }
    open = unknown(edges)
  }
}

function unknown(edges: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...new Set([...edges.values()].flat())].filter((name) => !edges.has(name))
}

function keyOf(kind: Target['kind'], service: string): string {
  const [namespace, name = ''] = service.split('/')
  return objectKey({ kind, namespace, name })
}

export function cycleFault(manifest: Manifest, cycle: string): Fault {
  return fault(manifest, 'Invalid', cycleMessage(cycle), { path: DEPENDS_ON, value: cycle, next: NEXT })
}

/** @throws NsctlError Invalid where `next` would be in a circle */
export async function refuseCycle(
  context: Pick<Context, 'store'>,
  target: Target,
  before: AnyResource,
  next: AnyResource,
): Promise<void> {
  const [cycle] = (await findCycles(context, [{ target, before, next }])).values()
  if (cycle !== undefined) throw new NsctlError('Invalid', cycleMessage(cycle), { value: cycle, next: NEXT })
}

const NEXT = 'Leave one of these dependencies out: each would wait for the others before its first start'

function cycleMessage(cycle: string): string {
  return `spec.dependsOn: services wait for each other in a circle: ${cycle}`
}

export function isService({ kind }: Target): boolean {
  return kind.kind === 'Service' && kind.group === GROUP
}

export function nameOf(object: AnyResource): string {
  return nameOfService(ofService(object))
}

function ofService(object: AnyResource): Dependent {
  return object as unknown as Dependent
}
