/** The versions of one kind, and the way of an object from each to each: over the one that is stored. Loaded where a kind has several. */
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { DefinitionSpec } from '../definition.ts'
import type { ConvertOptions, Kind, KindFamily } from '../kinds.ts'
import { type AnyResource, type ManagedFields, OWN_PREFIX } from '../object.ts'
import { parseSteps, type Steps } from './paths.ts'
import { parseRemainders, type Remainder, remainders, remaindersText, restored } from './remainder.ts'
import { compileRule, type Rule, type RulePaths, ruleKind } from './rules.ts'
import { type Direction, pruned, transform } from './transform.ts'

/** Before the name of the version whose fields the annotation keeps, because the one that it is shown in has none such. */
const KEPT = `${OWN_PREFIX}converted-`

/** What a definition does not say itself. */
export interface FamilyFacts {
  /** The versions in which objects may lie in the store, the oldest first. */
  readonly storedVersions: readonly string[]
  /** See `KindFamily.definedAt`. */
  readonly definedAt?: string | undefined
}

/** Says that nothing is kept, where leaving it out would leave alone what is. */
const NONE_KEPT = '[]'

/**
 * @param kinds one for each of the definition's versions, in its order
 */
export function createFamily(spec: DefinitionSpec, kinds: readonly Kind[], facts: FamilyFacts): KindFamily {
  const storage = kinds[spec.versions.findIndex((version) => version.storage === true)]
  if (storage === undefined)
    throw new NsctlError('Bug', `the definition of ${spec.names.kind} stores no version`)
  const rules = new Map<Kind, readonly Rule[]>()
  for (const kind of kinds) rules.set(kind, rulesOf(spec, kind))
  const first = kinds.find((kind) => kind.version === facts.storedVersions[0]) ?? storage
  return new DeclaredFamily([...kinds].sort(byPreference), storage, {
    rules,
    firstStored: first.apiVersion,
    definedAt: facts.definedAt,
    keepsAlways: spec.conversion?.strategy === 'Declared',
  })
}

function rulesOf(spec: DefinitionSpec, kind: Kind): readonly Rule[] {
  if (spec.conversion?.strategy !== 'Declared') return []
  const declared = spec.conversion.versions?.find(({ version }) => version === kind.version)
  return (declared?.rules ?? []).flatMap((rule) => {
    const name = ruleKind(rule)
    if (name === undefined) return []
    const { from, to } = rule[name] as RulePaths
    const paths = { from: from && parseSteps(from), to: to && parseSteps(to) }
    return [compileRule(rule, paths as { from?: Steps; to?: Steps }, kind.schema)]
  })
}

const STAGES = ['alpha', 'beta', '']

/** Kubernetes' order: v10, v2, v1, v2beta1, v1beta1, v1alpha1; what is not served comes last. */
function byPreference(a: Kind, b: Kind): number {
  if (a.isServed !== b.isServed) return a.isServed ? -1 : 1
  const [left, right] = [rank(a.version), rank(b.version)]
  for (const [index, value] of left.entries()) if (value !== right[index]) return right[index]! - value
  return 0
}

function rank(version: string): readonly number[] {
  const [, major = '0', stage = '', minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? []
  return [STAGES.indexOf(stage), Number(major), Number(minor)]
}

interface Ways {
  readonly rules: ReadonlyMap<Kind, readonly Rule[]>
  readonly firstStored: string
  readonly definedAt: string | undefined
  /** True where what a version cannot say is shown in an annotation; false where only writes go by it. */
  readonly keepsAlways: boolean
}

class DeclaredFamily implements KindFamily {
  readonly versions: readonly Kind[]
  readonly storage: Kind
  readonly firstStored: string
  readonly definedAt: string | undefined
  readonly #ways: Ways

  constructor(versions: readonly Kind[], storage: Kind, ways: Ways) {
    this.versions = versions
    this.storage = storage
    this.firstStored = ways.firstStored
    this.definedAt = ways.definedAt
    this.#ways = ways
  }

  knows(apiVersion: string): boolean {
    return this.versions.some((kind) => kind.apiVersion === apiVersion)
  }

  convert(object: AnyResource, to: Kind, options: ConvertOptions = {}): AnyResource {
    if (object.apiVersion === to.apiVersion) return object
    const from = this.versions.find((kind) => kind.apiVersion === object.apiVersion)
    if (from === undefined) throw unknownVersion(object, this)
    const forWriting = options.forWriting === true
    const stored = from === this.storage ? object : this.#step(object, from, this.storage, forWriting)
    return to === this.storage ? stored : this.#step(stored, this.storage, to, forWriting)
  }

  forReading(object: AnyResource): AnyResource {
    if (this.#ways.keepsAlways) return object
    const { annotations } = object.metadata
    const left = Object.entries(annotations ?? {}).filter(([name, value]) => !this.keeps(name, value))
    if (left.length === Object.keys(annotations ?? {}).length) return object
    return withAnnotations(object, Object.fromEntries(left))
  }

  keeps(annotation: string, value: unknown): boolean {
    const version = annotation.startsWith(KEPT) ? annotation.slice(KEPT.length) : undefined
    return this.versions.some((kind) => kind.version === version) && parseRemainders(value) !== undefined
  }

  withKept(object: AnyResource, live: AnyResource): AnyResource {
    const given = object.metadata.annotations ?? {}
    const lost = Object.entries(live.metadata.annotations ?? {}).filter(
      ([name, value]) => this.keeps(name, value) && !this.keeps(name, given[name]),
    )
    const empty = Object.entries(given).filter(
      ([name, value]) => value === NONE_KEPT && this.keeps(name, value),
    )
    if (lost.length + empty.length === 0) return object
    const annotations = { ...given, ...Object.fromEntries(lost) }
    for (const [name] of empty) delete annotations[name]
    return withAnnotations(object, annotations)
  }

  /** To or from the stored version. */
  #step(object: AnyResource, from: Kind, to: Kind, forWriting: boolean): AnyResource {
    const direction = to === this.storage ? 'forward' : 'backward'
    const rules = this.#ways.rules.get(direction === 'forward' ? from : to) ?? []
    const { apiVersion: _, kind, metadata, ...content } = object
    const { annotations, ...otherMetadata } = metadata
    // what somebody has patched is converted before it is judged
    const given = isObject(annotations) ? (annotations as Readonly<Record<string, string>>) : {}
    const kept = parseRemainders(given[KEPT + to.version])
    const plain = prune(transform(content, rules, direction), to)
    // what was kept may have been written by hand
    const next = kept === undefined ? plain : prune(restored(plain, kept, to.schema), to)
    const back = prune(transform(next, rules, opposite(direction)), from)
    const keeps = this.#ways.keepsAlways || (forWriting && direction === 'backward')
    const nextAnnotations = reannotated(given, {
      taken: kept === undefined ? undefined : KEPT + to.version,
      kept: keeps ? remainders(content, back, from.schema) : [],
      under: KEPT + from.version,
    })
    return {
      apiVersion: to.apiVersion,
      kind,
      metadata: {
        ...otherMetadata,
        ...(Object.keys(nextAnnotations).length === 0 ? {} : { annotations: nextAnnotations }),
        ...(Array.isArray(metadata.managedFields) && {
          managedFields: metadata.managedFields.map((one) => movedFields(one, rules, direction)),
        }),
      },
      ...next,
    } as AnyResource
  }
}

function prune(content: Record<string, unknown>, { schema }: Kind): Record<string, unknown> {
  return pruned(content, { ...schema, type: 'object' }) as Record<string, unknown>
}

function opposite(direction: Direction): Direction {
  return direction === 'forward' ? 'backward' : 'forward'
}

function reannotated(
  given: Readonly<Record<string, string>>,
  how: {
    readonly taken: string | undefined
    readonly kept: readonly Remainder[]
    readonly under: string
  },
): Readonly<Record<string, string>> {
  const annotations = { ...given }
  if (how.taken !== undefined) delete annotations[how.taken]
  if (how.kept.length > 0) annotations[how.under] = remaindersText(how.kept)
  return annotations
}

function withAnnotations(object: AnyResource, annotations: Readonly<Record<string, string>>): AnyResource {
  const { annotations: _, ...metadata } = object.metadata
  const isEmpty = Object.keys(annotations).length === 0
  return { ...object, metadata: isEmpty ? metadata : { ...metadata, annotations } }
}

/** Owned fields are named as the version names them. */
function movedFields(owned: ManagedFields, rules: readonly Rule[], direction: Direction): ManagedFields {
  if (!isObject(owned) || !Array.isArray(owned.fields)) return owned
  const moved = owned.fields.map(String).map((field) => {
    const steps = field.split('.')
    for (const rule of rules) {
      const [source, sink] = direction === 'forward' ? [rule.from, rule.to] : [rule.to, rule.from]
      if (source === undefined || sink === undefined) continue
      if (source.every((step, at) => step === steps[at]))
        return [...sink, ...steps.slice(source.length)].join('.')
    }
    return field
  })
  return { manager: owned.manager, fields: moved }
}

function unknownVersion(object: AnyResource, { versions }: KindFamily): NsctlError {
  const name = isObject(object.metadata)
    ? `${object.kind.toLowerCase()}/${object.metadata.name}`
    : object.kind
  return new NsctlError(
    'Unsupported',
    `${name} is stored as ${object.apiVersion}, which is not defined any more`,
    {
      value: object.apiVersion,
      next: `put the version back into its CustomResourceDefinition, which has ${versions.map(({ version }) => version).join(', ')}`,
    },
  )
}
