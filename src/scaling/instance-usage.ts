/** What the sources of instances' cpu, memory and io have in common: one sample for each instance, as the nodes tell. */
import { NsctlError } from '../core/errors.ts'
import type { InstanceReading, Source, SourceContext, SourceType, TriggerConfig } from './source.ts'

export type InstanceResource = 'cpu' | 'memory' | 'io'

/** The source of one resource; its trigger's type is the resource's name. */
export function usageSource(resource: InstanceResource): SourceType {
  return { types: [resource], open: (trigger, context) => new UsageSource(resource, trigger, context) }
}

class UsageSource implements Source {
  readonly #resource: InstanceResource
  readonly #service: { readonly namespace: string; readonly name: string }
  readonly #context: SourceContext
  readonly #closed = new AbortController()

  constructor(resource: InstanceResource, { service, owner }: TriggerConfig, context: SourceContext) {
    if (service === undefined)
      throw new NsctlError('Invalid', `what instances use of ${resource} tells nothing of a ${owner.kind}`, {
        value: 'type',
        next: 'scale it by the work that waits: a queue, a metric',
      })
    this.#resource = resource
    this.#service = service
    this.#context = context
  }

  async measure(signal: AbortSignal): Promise<InstanceReading> {
    const either = AbortSignal.any([signal, this.#closed.signal])
    either.throwIfAborted()
    const samples = await this.#context.workloads.usage(this.#service, this.#resource, either)
    return { kind: 'instances', samples }
  }

  async close(): Promise<void> {
    this.#closed.abort(new NsctlError('Unreachable', 'the instances are not asked any more'))
  }
}
