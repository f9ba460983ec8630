/** What sources may know of instances: what the store says of them, and what their nodes' metrics do. */
import { phaseOf } from '../controllers/scaledobject/instances.ts'
import type { ObjectCache, ObjectIndex } from '../engine/cache.ts'
import type { Instance, Node } from '../resources/generated/types.ts'
import { isLost } from '../resources/node.ts'
import type { InstanceSample, WorkloadInstance, Workloads } from '../scaling/source.ts'
import { instanceKey } from '../telemetry/scrape/sample.ts'
import type { NodeScraper } from '../telemetry/scrape/scraper.ts'
import { metricsTarget, thisBoot } from './node-metrics.ts'

type ServiceName = { readonly namespace: string; readonly name: string }

const LOOPBACK = '127.0.0.1'

export class CachedWorkloads implements Workloads {
  readonly #cache: Pick<ObjectCache, 'get' | 'list' | 'index'>
  readonly #scraper: Pick<NodeScraper, 'usage' | 'keep'>
  readonly #bootId: string | undefined
  readonly #byService: ObjectIndex

  /** @param cache of a manager that does not run yet, and watches Services, Instances and Nodes */
  constructor(
    cache: Pick<ObjectCache, 'get' | 'list' | 'index'>,
    scraper: Pick<NodeScraper, 'usage' | 'keep'>,
    bootId = thisBoot(),
  ) {
    this.#bootId = bootId
    this.#cache = cache
    this.#scraper = scraper
    this.#byService = cache.index('Instance', (object) => {
      const { metadata, spec } = object as unknown as Instance
      return [instanceKey(metadata.namespace ?? '', spec.service)]
    })
  }

  exists({ namespace, name }: ServiceName): boolean {
    return this.#cache.get({ kind: 'Service', namespace, name }) !== undefined
  }

  instances({ namespace, name }: ServiceName): readonly WorkloadInstance[] {
    return this.#of({ namespace, name }).map((one) => this.#viewOf(one))
  }

  inNamespace(namespace: string): readonly WorkloadInstance[] {
    return this.#cache.list<Instance>('Instance', { namespace }).map((one) => this.#viewOf(one))
  }

  /** Of those that run. Where some nodes do not answer, what they run is missing. */
  async usage(
    service: ServiceName,
    resource: 'cpu' | 'memory' | 'io',
    signal: AbortSignal,
  ): Promise<readonly InstanceSample[]> {
    signal.throwIfAborted()
    const running = this.#of(service).filter((one) => phaseOf(one) === 'running')
    const byNode = Map.groupBy(running, ({ spec }) => spec.node)
    this.#scraper.keep(new Set(this.#cache.list<Node>('Node').map(({ metadata }) => metadata.name)))
    const looks = await Promise.allSettled(
      Array.from(byNode, ([node, instances]) => this.#usageOn(node, instances, resource, signal)),
    )
    signal.throwIfAborted()
    const answered = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []))
    const failed = looks.find((look) => look.status === 'rejected')
    if (answered.length === 0 && failed !== undefined) throw failed.reason
    return answered.flat()
  }

  async #usageOn(
    node: string,
    instances: readonly Instance[],
    resource: 'cpu' | 'memory' | 'io',
    signal: AbortSignal,
  ): Promise<readonly InstanceSample[]> {
    const target = metricsTarget(this.#cache.get<Node>({ kind: 'Node', name: node }), node, this.#bootId)
    const keyOf = ({ metadata }: Instance) => instanceKey(metadata.namespace ?? '', metadata.name)
    const samples = await this.#scraper.usage(target, resource, instances.map(keyOf), signal)
    return instances.flatMap((one) => {
      const sample = samples.get(keyOf(one))
      return sample === undefined ? [] : [{ instance: one.metadata.name, ...sample }]
    })
  }

  /** But for what is on nodes that are lost: that counts as gone. */
  #of({ namespace, name }: ServiceName): readonly Instance[] {
    return this.#byService.get<Instance>(instanceKey(namespace, name)).filter(({ spec }) => {
      const node = this.#cache.get<Node>({ kind: 'Node', name: spec.node })
      return node === undefined || !isLost(node)
    })
  }

  #viewOf(instance: Instance): WorkloadInstance {
    const { metadata, spec, status } = instance
    const node = this.#cache.get<Node>({ kind: 'Node', name: spec.node })
    return {
      name: metadata.name,
      labels: metadata.labels ?? {},
      phase: phaseOf(instance),
      ready: status?.ready === true,
      node: spec.node,
      address: node?.status?.addresses?.[0] ?? LOOPBACK,
      ports: Object.fromEntries((status?.ports ?? []).map(({ name, port }) => [name, port])),
    }
  }
}
