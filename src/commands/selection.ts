/** Which stored objects a command is to work on: by name, by labels, or all of a kind. */
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import type { CommandContext } from './context.ts'
import type { FileFlags } from './input.ts'
import { notFound, parseTargets, refOf, type Target } from './targets.ts'

export interface SelectionRequest {
  /** The words after the verb. */
  readonly words: readonly string[]
  readonly verb: string
  readonly namespace: string
  readonly allNamespaces?: boolean
  /** Labels, -l. */
  readonly selector?: string | undefined
  /** Every object of the kinds that are named. */
  readonly all?: boolean
  /** -f: the objects that manifests name. */
  readonly files?: FileFlags
  readonly context: CommandContext
}

export interface Selected {
  readonly kind: Kind
  readonly ref: ObjectRef
}

/**
 * The objects that are meant, in order. Named ones need not be there. Usage where a kind stands alone without -l or --all, or
 * names stand beside them.
 */
export async function select(client: Client, request: SelectionRequest): Promise<readonly Selected[]> {
  if (request.files?.filename !== undefined) {
    const { targetsOfFiles } = await import('./input.ts')
    const { files, words, verb, context } = request
    const targets = await targetsOfFiles(files, words, client, verb, context)
    return targets.map((target) => ({ kind: target.kind, ref: refOf(target, request.namespace) }))
  }
  const targets = await parseTargets(request.words, client, request.verb)
  const isBroad = request.selector !== undefined || request.all === true
  if (targets.objects.length > 0) {
    if (isBroad)
      throw new NsctlError('Usage', 'names cannot be combined with -l or --all', {
        value: request.words.join(' '),
        next: `write nsctl ${request.verb} TYPE -l SELECTOR, or name the objects`,
      })
    return Promise.all(targets.objects.map((target) => resolved(client, target, request.namespace)))
  }
  if (!isBroad)
    throw new NsctlError('Usage', `no ${targets.kinds.map((kind) => kind.singular).join(' or ')} was named`, {
      value: request.words.join(' '),
      next: 'name the objects, or say -l SELECTOR or --all',
    })
  const found = await selectStored(client, targets.kinds, request)
  return found.map(({ kind, object }) => ({
    kind,
    ref: refOf({ kind, name: object.metadata.name }, object.metadata.namespace ?? request.namespace),
  }))
}

/** `web-0` is understood as the current instance of that ordinal. */
async function resolved(client: Client, target: Target, namespace: string): Promise<Selected> {
  const { kind } = target
  const ref = refOf(target, namespace)
  const instance = ref.kind === 'Instance' ? await client.resolveInstance(ref) : undefined
  return { kind, ref: instance === undefined ? ref : { ...ref, name: instance.metadata.name } }
}

/** What is stored of whole kinds, narrowed by labels. */
export async function selectStored(
  client: Client,
  kinds: readonly Kind[],
  request: Pick<SelectionRequest, 'namespace' | 'allNamespaces' | 'selector'>,
): Promise<readonly { readonly kind: Kind; readonly object: AnyResource }[]> {
  const matches = await labelFilter(request.selector)
  const scope = request.allNamespaces === true ? {} : { namespace: request.namespace }
  const { lists } = await client.listAll(kinds, scope)
  return kinds.flatMap((kind, i) =>
    (lists[i] ?? []).filter((object) => matches(object)).map((object) => ({ kind, object })),
  )
}

/** Loads selectors only where there is one. */
async function labelFilter(selector: string | undefined): Promise<(object: AnyResource) => boolean> {
  if (selector === undefined) return () => true
  const { parseSelector } = await import('../resources/selector.ts')
  return parseSelector(selector)
}

/** The stored object. NotFound where it is not there. */
export async function mustGet(client: Client, ref: ObjectRef): Promise<AnyResource> {
  const object = await client.get(ref)
  if (object === undefined) throw notFound(ref)
  return object
}
