/** Clusters, rules and batches for property tests: small, so that things meet. */
import * as fc from 'fast-check'
import type { Batch, Needs, Occupant, PlacementNode } from '../../src/placement/placement.ts'
import type { NodeTaint, ServicePlacement } from '../../src/resources/generated/types.ts'

const SERVICES = ['web', 'db', 'cache'] as const
const KEYS = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone', 'rack'] as const

const key = fc.constantFrom(...KEYS)
const service = fc.constantFrom(...SERVICES)

const taint: fc.Arbitrary<NodeTaint> = fc.record(
  {
    key: fc.constantFrom('spot', 'gpu'),
    value: fc.constantFrom('', 'a'),
    effect: fc.constantFrom('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
  },
  { requiredKeys: ['key', 'effect'] },
)

const labels = fc.dictionary(
  fc.constantFrom('topology.kubernetes.io/zone', 'rack', 'size'),
  fc.constantFrom('a', 'b', '3', '7'),
  { maxKeys: 3 },
)

export const needs: fc.Arbitrary<Needs> = fc.record({
  cpuMillis: fc.constantFrom(0, 100, 500),
  memoryBytes: fc.constantFrom(0, 10, 60),
  ports: fc.constantFrom([], [], ['80'], ['53/UDP', '80']),
})

export const node = (name: string): fc.Arbitrary<PlacementNode> =>
  fc.record({
    name: fc.constant(name),
    labels,
    taints: fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, fc.array(taint, { maxLength: 2 })),
    unschedulable: fc.nat(9).map((roll) => roll === 0),
    ready: fc.nat(9).map((roll) => roll > 0),
    pressures: fc.nat(1),
    trusted: fc.boolean(),
    cpuMillis: fc.constantFrom(0, 1000, 2000, Number.POSITIVE_INFINITY),
    memoryBytes: fc.constantFrom(50, 100, Number.POSITIVE_INFINITY),
  })

export const nodes: fc.Arbitrary<readonly PlacementNode[]> = fc
  .nat(6)
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => node(`n${index}`))))

export const occupants: fc.Arbitrary<readonly Occupant[]> = fc
  .array(
    fc.record({
      service: service.map((name) => `default/${name}`),
      hash: fc.constantFrom('h1', 'h2'),
      node: fc.nat(7).map((index) => `n${index}`),
      needs,
      avoids: fc.array(fc.record({ service: service.map((name) => `default/${name}`), topologyKey: key }), {
        maxLength: 1,
      }),
    }),
    { maxLength: 8 },
  )
  .map((list) => list.map((one, index) => ({ ...one, id: `default/there-${index}` })))

const term = fc.record({ service, topologyKey: key })
const terms = fc.oneof(
  { arbitrary: fc.constant([]), weight: 3 },
  fc.array(term, { minLength: 1, maxLength: 2 }),
)
const preferred = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 100 }), preference: term }), {
  maxLength: 2,
})

const requirement = fc.oneof(
  fc.record({
    key: fc.constantFrom('rack', 'size'),
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.array(fc.constantFrom('a', 'b', '3'), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    key: fc.constant('size'),
    operator: fc.constantFrom('Gt' as const, 'Lt' as const),
    values: fc.constant(['5']),
  }),
  fc.record({
    key: fc.constantFrom('rack', 'size'),
    operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
  }),
)
const nodeTerm = fc.record({ matchExpressions: fc.array(requirement, { minLength: 1, maxLength: 2 }) })

export const rule: fc.Arbitrary<ServicePlacement> = fc.record(
  {
    strategy: fc.constantFrom('spread' as const, 'pack' as const),
    nodeSelector: fc.constantFrom<Record<string, string>>({}, {}, { rack: 'a' }),
    tolerations: fc.constantFrom(
      [],
      [{ operator: 'Exists' as const }],
      [{ key: 'spot', operator: 'Equal' as const, value: 'a' }],
      [{ key: 'gpu', operator: 'Exists' as const, effect: 'NoSchedule' as const }],
    ),
    affinity: fc.record(
      {
        node: fc.record({ required: fc.array(nodeTerm, { minLength: 1, maxLength: 2 }) }),
        service: fc.record({ required: terms, preferred }),
      },
      { requiredKeys: [] },
    ),
    antiAffinity: fc.record({ service: fc.record({ required: terms, preferred }) }),
    topologySpreadConstraints: fc.array(
      fc.record({
        maxSkew: fc.integer({ min: 1, max: 2 }),
        topologyKey: key,
        whenUnsatisfiable: fc.constantFrom('DoNotSchedule' as const, 'ScheduleAnyway' as const),
      }),
      { maxLength: 1 },
    ),
  },
  { requiredKeys: ['strategy'] },
)

export const batch: fc.Arbitrary<Batch> = fc
  .record({
    service: service.map((name) => `default/${name}`),
    namespace: fc.constant('default'),
    hash: fc.constantFrom('h1', 'h2'),
    needs,
    rule: fc.option(rule, { nil: undefined }),
    withSecrets: fc.boolean(),
    count: fc.integer({ min: 1, max: 6 }),
    pin: fc.option(fc.nat(6), { nil: undefined, freq: 5 }),
  })
  .map(({ count, pin, ...rest }) => ({
    ...rest,
    seats: Array.from({ length: count }, (_, index) => ({
      id: `default/new-${index}`,
      ...(pin !== undefined && index === 0 && { only: { node: `n${pin}`, because: 'storage' as const } }),
    })),
  }))
