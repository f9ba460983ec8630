/** How far nodes are drained, and what is said of it: each instance once when it is asked to go, and once when it is gone. Pure but for its memory. */
import type { Instance, Service } from '../resources/generated/types.ts'
import { staysOnDrain } from '../resources/node.ts'
import { type AnyResource, refOfObject, refText } from '../resources/object.ts'

export class DrainProgress {
  readonly #nodes: ReadonlySet<string>
  readonly #force: boolean
  /** By uid: its name, and whether its end was told. */
  readonly #seen = new Map<string, { readonly text: string; isTold: boolean }>()

  constructor(nodes: readonly string[], force: boolean) {
    this.#nodes = new Set(nodes)
    this.#force = force
  }

  /** The lines that are new, and what is still there. */
  look(objects: ReadonlyMap<string, AnyResource>): {
    readonly lines: readonly string[]
    readonly left: readonly string[]
  } {
    const lines: string[] = []
    const present = new Set<string>()
    for (const object of objects.values()) {
      if (object.kind !== 'Instance') continue
      const instance = object as unknown as Instance
      if (!this.#nodes.has(instance.spec.node) || this.#stays(instance, objects)) continue
      const uid = object.metadata.uid ?? object.metadata.name
      present.add(uid)
      const seen = this.#seen.get(uid) ?? { text: textOf(object), isTold: false }
      this.#seen.set(uid, seen)
      if (object.metadata.deletionTimestamp === undefined || seen.isTold) continue
      seen.isTold = true
      lines.push(`ending ${seen.text} on ${instance.spec.node}`)
    }
    for (const [uid, { text }] of this.#seen) {
      if (present.has(uid)) continue
      lines.push(`${text} ended`)
      this.#seen.delete(uid)
    }
    return { lines, left: [...this.#seen.values()].map(({ text }) => text) }
  }

  #stays({ metadata: { namespace }, spec }: Instance, objects: ReadonlyMap<string, AnyResource>): boolean {
    const service = objects.get(`Service ${namespace}/${spec.service}`) as unknown as Service | undefined
    return staysOnDrain(service, this.#force)
  }
}

function textOf(object: AnyResource): string {
  const { namespace } = object.metadata
  return `${refText(refOfObject(object))}${namespace === undefined || namespace === 'default' ? '' : ` in namespace ${namespace}`}`
}
