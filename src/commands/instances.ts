/** Which instances logs and exec mean: by name, by ordinal (`web-0`), or those of a service. */
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import { withArticle } from '../core/words.ts'
import type { AnyResource } from '../resources/object.ts'
import { sortInstances } from '../views/describe/parts.ts'
import { flagAt, textAt } from '../views/fields.ts'
import { mustGet } from './selection.ts'
import { notFound, parseTargets, refOf } from './targets.ts'

/** Instances, and the services whose instances they are where services were named. */
export interface NamedInstances {
  readonly instances: readonly AnyResource[]
  readonly services: readonly string[]
}

/**
 * The instances that words mean: `web-0`, `instance/web-0-k2p9x`, `service/web`, `web` for the service where no instance is
 * called so. NotFound where one means none; Unsupported for kinds that run nothing.
 */
export async function namedInstances(
  client: Client,
  words: readonly string[],
  namespace: string,
  verb: string,
): Promise<NamedInstances> {
  const isTyped = words[0]?.includes('/') || (words.length > 1 && client.kinds.byName(words[0] ?? ''))
  if (isTyped !== false && isTyped !== undefined) return typedInstances(client, words, namespace, verb)
  const instances: AnyResource[] = []
  const services: string[] = []
  for (const name of words) {
    const instance = await client.resolveInstance({ kind: 'Instance', namespace, name })
    if (instance !== undefined) instances.push(instance)
    else if ((await client.get({ kind: 'Service', namespace, name })) !== undefined) {
      services.push(name)
      instances.push(...(await instancesOf(client, name, namespace)))
    } else throw notFound({ kind: 'Instance', namespace, name })
  }
  return { instances, services }
}

async function typedInstances(
  client: Client,
  words: readonly string[],
  namespace: string,
  verb: string,
): Promise<NamedInstances> {
  const { objects } = await parseTargets(words, client, verb)
  const instances: AnyResource[] = []
  const services: string[] = []
  for (const target of objects) {
    const ref = refOf(target, namespace)
    if (target.kind.kind === 'Instance') {
      const instance = await client.resolveInstance(ref)
      if (instance === undefined) throw notFound(ref)
      instances.push(instance)
    } else if (target.kind.kind === 'Service') {
      await mustGet(client, ref)
      services.push(target.name)
      instances.push(...(await instancesOf(client, target.name, namespace)))
    } else
      throw new NsctlError(
        'Unsupported',
        `${withArticle(target.kind.singular)} runs nothing: services and instances do`,
        {
          value: target.kind.singular,
          next: `write nsctl ${verb} service/NAME or an instance's name`,
        },
      )
  }
  return { instances, services }
}

/** A service's instances in order of their ordinals. */
export async function instancesOf(
  client: Client,
  service: string,
  namespace: string,
): Promise<readonly AnyResource[]> {
  const { items } = await client.list(client.kinds.byKind('Instance'), { namespace })
  return sortInstances(items.filter((one) => textAt(one, 'spec.service') === service))
}

/** The one to work in where several would do: the first that is ready, else the first that is not on its way out. */
export function preferredInstance(instances: readonly AnyResource[]): AnyResource | undefined {
  const staying = instances.filter((one) => one.metadata.deletionTimestamp === undefined)
  return staying.find((one) => flagAt(one, 'status.ready') === true) ?? staying[0] ?? instances[0]
}
