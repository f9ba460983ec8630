/** Services whose number of instances is not said in their spec but by the nodes that there are. */
import type { Service, ServiceSpec } from '../../resources/generated/types.ts'

/** Gives such a Service its number, so that all else need not know where it comes from: with the same number the very same spec. */
export class Numbers {
  readonly #known = new WeakMap<ServiceSpec, ServiceSpec>()

  with(service: Service, replicas: number): Service {
    const { spec } = service
    if (spec.replicas === replicas) return service
    const known = this.#known.get(spec)
    if (known?.replicas === replicas) return { ...service, spec: known }
    const numbered = { ...spec, replicas }
    this.#known.set(spec, numbered)
    return { ...service, spec: numbered }
  }
}
