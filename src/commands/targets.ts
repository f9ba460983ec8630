/** Which objects a command line means: TYPE, TYPE NAME…, TYPE/NAME…, TYPE,TYPE, all. */
import type { ResourceReader } from '../api/api.ts'
import { NsctlError } from '../core/errors.ts'
import type { Kind, KindRegistry } from '../resources/kinds.ts'
import { type ObjectRef, refText } from '../resources/object.ts'

export interface Target {
  readonly kind: Kind
  readonly name: string
  /** Where the object itself says so: a manifest of -f. */
  readonly namespace?: string | undefined
}

/** Either whole kinds (`svc,inst`, `all`) or single objects (`svc web mail`, `svc/web`), never both. */
export interface Targets {
  readonly kinds: readonly Kind[]
  readonly objects: readonly Target[]
}

/** What this needs of a client: kinds, and a way to learn of the users' own when a name is not known. */
export type KindSource = Pick<ResourceReader, 'kinds' | 'refreshKinds'>

/**
 * Reads the words after a verb. Errors: Usage where nothing is named or both forms are mixed, Invalid for a kind that
 * does not exist, naming the nearest.
 */
export async function parseTargets(
  words: readonly string[],
  source: KindSource,
  verb: string,
): Promise<Targets> {
  const named = words.some((word) => word.includes('/'))
    ? words.map((word) => word.split('/')[0]!)
    : words.slice(0, 1)
  const isKnown = (name: string) => source.kinds.byName(name) !== undefined
  if (!named.flatMap((list) => list.split(',')).every(isKnown)) await source.refreshKinds()
  return readTargets(words, source.kinds, verb)
}

function readTargets(words: readonly string[], kinds: KindRegistry, verb: string): Targets {
  const first = words[0]
  if (first === undefined)
    throw new NsctlError('Usage', 'no resource type was named', {
      next: `write nsctl ${verb} TYPE, TYPE NAME or TYPE/NAME; see nsctl api-resources for the types`,
    })
  if (words.some((word) => word.includes('/')))
    return { kinds: [], objects: words.map((word) => slashed(word, kinds, verb)) }
  const named = kindsOf(first, kinds)
  if (words.length === 1) return { kinds: named, objects: [] }
  if (words.includes(''))
    throw new NsctlError('Usage', 'a name is empty', {
      value: words.join(' '),
      next: `write nsctl ${verb} ${first} NAME, or ${first} alone for all of them`,
    })
  return {
    kinds: [],
    objects: named.flatMap((kind) => words.slice(1).map((name) => ({ kind, name }))),
  }
}

/** Exactly one object. */
export async function parseTarget(
  words: readonly string[],
  source: KindSource,
  verb: string,
): Promise<Target> {
  const { objects } = await parseTargets(words, source, verb)
  const [only] = objects
  if (only === undefined || objects.length > 1)
    throw new NsctlError('Usage', `exactly one object must be named, not ${objects.length}`, {
      value: words.join(' '),
      next: `write nsctl ${verb} TYPE/NAME`,
    })
  return only
}

/** The object that a target means: in `namespace` where its kind lives in one. */
export function refOf(target: Target, namespace: string): ObjectRef {
  const { kind } = target
  const ref = refInPreferred(target, namespace)
  const isPreferred = kind.family === undefined || kind.family.versions[0] === kind
  return isPreferred ? ref : { ...ref, version: kind.version }
}

function refInPreferred(target: Target, namespace: string): ObjectRef {
  return target.kind.scope === 'Namespaced'
    ? { kind: target.kind.kind, namespace: target.namespace ?? namespace, name: target.name }
    : { kind: target.kind.kind, name: target.name }
}

/** The kind of that name. Invalid with the nearest names where there is none. */
export function kindOf(name: string, kinds: KindRegistry): Kind {
  const kind = kinds.byName(name)
  if (kind !== undefined) return kind
  refuseVersion(name, kinds)
  const here = FOREIGN.get(name.toLowerCase())
  const near = here === undefined ? kinds.near(name) : []
  const hint =
    here !== undefined
      ? `kubectl's ${name} is nsctl's ${here}; `
      : near.length === 0
        ? ''
        : `did you mean ${near.join(' or ')}? `
  throw new NsctlError('Invalid', `there is no resource type ${JSON.stringify(name)}`, {
    value: name,
    next: `${hint}nsctl api-resources lists what there is`,
  })
}

/** What fingers type that know kubectl. A kind of the user's own of such a name is found before. */
const FOREIGN: ReadonlyMap<string, string> = new Map(
  Object.entries({
    instance: ['po', 'pod', 'pods'],
    service: ['deploy', 'deployment', 'deployments', 'sts', 'statefulset', 'statefulsets'],
    'service with placement.strategy perNode': ['ds', 'daemonset', 'daemonsets'],
    config: ['cm', 'configmap', 'configmaps'],
    scaledobject: ['hpa', 'horizontalpodautoscaler', 'horizontalpodautoscalers'],
  }).flatMap(([here, words]) => words.map((word) => [word, here] as const)),
)

/** Throws for TYPE.VERSION.GROUP of a kind that is there, but not served in that version. */
function refuseVersion(name: string, kinds: KindRegistry): void {
  const [type = '', version = '', ...group] = name.split('.')
  const known = /^v\d/.test(version) ? kinds.byName([type, ...group].join('.')) : undefined
  if (known === undefined) return
  const served = known.family?.versions.filter(({ isServed }) => isServed) ?? [known]
  throw new NsctlError('Invalid', `${known.plural}.${known.group} is not served in version ${version}`, {
    value: name,
    next: `it is served as ${served.map((one) => `${one.plural}.${one.version}.${one.group}`).join(', ')}`,
  })
}

/** NotFound for an object, in kubectl's sense and with the namespace that was searched. */
export function notFound(ref: ObjectRef): NsctlError {
  const where = ref.namespace === undefined ? '' : ` in namespace ${ref.namespace}`
  return new NsctlError('NotFound', `${refText(ref)} not found${where}`, {
    value: ref.name,
    next: `nsctl get ${ref.kind.toLowerCase()}${ref.namespace === undefined ? '' : ' -A'} lists what there is`,
  })
}

function kindsOf(list: string, kinds: KindRegistry): readonly Kind[] {
  const names = list.split(',').filter((name) => name !== '')
  const found = (names.length === 0 ? [list] : names).flatMap((name) => {
    const category = kinds.all().filter((kind) => kind.categories.includes(name.toLowerCase()))
    return category.length > 0 ? category : [kindOf(name, kinds)]
  })
  return [...new Set(found)]
}

function slashed(word: string, kinds: KindRegistry, verb: string): Target {
  const [type, name, ...rest] = word.split('/')
  if (type === undefined || type === '' || name === undefined || name === '' || rest.length > 0)
    throw new NsctlError('Usage', `not TYPE/NAME: ${JSON.stringify(word)}`, {
      value: word,
      next: `write every object as TYPE/NAME, or nsctl ${verb} TYPE NAME NAME…`,
    })
  return { kind: kindOf(type, kinds), name }
}
