/** What a Service's template comes to now: its hash, and what it runs with of Configs and Secrets. */
import { canonicalJson } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Config, Secret, Service, ServiceSpec } from '../../resources/generated/types.ts'
import {
  configContent,
  contentForHash,
  type Material,
  type MaterialContent,
  type MaterialKind,
  type MaterialRef,
  type MissingMaterial,
  materialRefs,
  resolveMaterials,
  secretContent,
} from '../../resources/materials.ts'
import { templateHash } from '../../resources/template.ts'

export interface WantedTemplate {
  readonly hash: string
  readonly materials: readonly Material[]
  /** Without these nothing of this template is started. */
  readonly missing: readonly MissingMaterial[]
}

/** What was worked out for a spec, and of which content. */
interface Known {
  readonly refs: readonly MaterialRef[]
  readonly content: string
  readonly wanted: WantedTemplate
}

const NOTHING = { materials: [], missing: [] } as const

/** Works each template out once, for as long as the cache holds that very spec: most reconciles find nothing changed. */
export class WantedTemplates {
  readonly #cache: ObjectCache
  readonly #known = new WeakMap<ServiceSpec, Known>()
  readonly #contents = new WeakMap<object, { readonly content: MaterialContent | undefined }>()

  constructor(cache: ObjectCache) {
    this.#cache = cache
  }

  of({ spec, metadata: { namespace } }: Service): WantedTemplate {
    const known = this.#known.get(spec)
    if (known?.refs.length === 0) return known.wanted
    const refs = known?.refs ?? materialRefs(spec.template)
    const resolved =
      refs.length === 0
        ? NOTHING
        : resolveMaterials(refs, (kind, name) => this.#contentOf(kind, namespace, name))
    const content = canonicalJson(resolved)
    if (known?.content === content) return known.wanted
    const hashed = contentForHash(refs, resolved.materials)
    const hash = templateHash(spec.template, spec.storage, hashed, spec.unique)
    const wanted = { hash, ...resolved }
    this.#known.set(spec, { refs, content, wanted })
    return wanted
  }

  /** A Config may be large and have many Services. */
  #contentOf(kind: MaterialKind, namespace: string | undefined, name: string): MaterialContent | undefined {
    const object = this.#cache.get({ kind, name, ...(namespace === undefined ? {} : { namespace }) })
    if (object === undefined) return undefined
    const known = this.#contents.get(object)
    if (known !== undefined) return known.content
    const content =
      kind === 'Config'
        ? configContent(object as unknown as Config)
        : secretContent(object as unknown as Secret)
    this.#contents.set(object, { content })
    return content
  }
}
