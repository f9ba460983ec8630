/** Instances as tests say them. */
import type { InstanceSample, WorkloadInstance, Workloads } from '../../../src/scaling/source.ts'

export type GivenInstance = Partial<WorkloadInstance> & {
  readonly service: string
  readonly namespace?: string
}

/** What is known of `instances`, which may be changed meanwhile; every Service of `services` is there. */
export function givenWorkloads(
  instances: readonly GivenInstance[],
  usage: () => Promise<readonly InstanceSample[]> = async () => [],
): Workloads {
  const all = () =>
    instances.map((one, index) => ({
      name: `${one.service}-${index}`,
      namespace: 'default',
      labels: {},
      phase: 'running' as const,
      ready: true,
      node: 'alpha',
      address: '127.0.0.1',
      ports: {},
      ...one,
    }))
  return {
    exists: ({ namespace, name }) => all().some((one) => one.namespace === namespace && one.service === name),
    instances: ({ namespace, name }) =>
      all().filter((one) => one.namespace === namespace && one.service === name),
    inNamespace: (namespace) => all().filter((one) => one.namespace === namespace),
    usage,
  }
}
