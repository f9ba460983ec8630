import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Client } from '../../src/client/client.ts'
import type { Kind } from '../../src/resources/kinds.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { describeObject } from '../../src/views/describe/describe.ts'
import { gatherDescription } from '../../src/views/describe/description.ts'
import { kinds, nowMs } from './fixtures.ts'

const TEMPLATE = { source: { command: ['web'] }, resources: { memory: '2Gi' }, stop: {} }

function object(kind: string, name: string, rest: object, labels: object = {}): AnyResource {
  const namespace = kind === 'Node' ? {} : { namespace: 'default' }
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind,
    metadata: { name, ...namespace, labels },
    ...rest,
  } as AnyResource
}

const node = (name: string, memory: string, spec: object = {}) =>
  object('Node', name, { spec, status: { phase: 'Ready', capacity: { cpu: '4', memory } } }, { pool: 'web' })

const NODES = [
  node('n1', '1Gi'),
  node('n2', '3Gi'),
  node('n3', '8Gi', { taints: [{ key: 'spot', effect: 'NoSchedule' }] }),
]
const there = object('Instance', 'api-0-bcdfg', {
  spec: { service: 'api', ordinal: 0, node: 'n2', templateHash: 'h', attempt: 0, template: TEMPLATE },
})

function clientOf(instances: readonly AnyResource[]): Client {
  return {
    kinds,
    listAll: async (wanted: readonly Kind[]) => ({
      revision: 1,
      lists: wanted.map((kind) => ({ Node: NODES, Instance: instances })[kind.kind] ?? []),
    }),
    history: async () => [],
  } as unknown as Client
}

async function page(one: AnyResource, instances: readonly AnyResource[] = [there]): Promise<string> {
  return describeObject(await gatherDescription(clientOf(instances), kinds.byKind(one.kind), one, nowMs))
}

const BLOCKED = { summary: 'Unschedulable: 0/3 nodes: 2 lack memory, 1 tainted spot' }
const service = (placement: object | undefined, status: object = BLOCKED) =>
  object('Service', 'web', { spec: { replicas: 1, template: TEMPLATE, update: {}, placement }, status })

test('describe service says of each node why it will not do', async () => {
  assert.match(
    await page(service(undefined)),
    `Refused by   n1   lacks memory: 2Gi asked for, 1Gi of 1Gi free
             n2   lacks memory: 2Gi asked for, 1Gi of 3Gi free
             n3   tainted spot
`,
  )
})

test('describe job does so too', async () => {
  const job = object('Job', 'load', { spec: { template: TEMPLATE }, status: BLOCKED })
  assert.match(await page(job), 'n2   lacks memory: 2Gi asked for, 1Gi of 3Gi free')
})

test('describe service asks of no node where nothing wants for one', async () => {
  assert.not.match(await page(service(undefined, {})), 'Refused by')
})

test('describe service says which nodes of a daemon have no room', async () => {
  const own = object('Instance', 'web-0-bcdfg', {
    spec: { service: 'web', ordinal: 0, node: 'n1', templateHash: 'h', attempt: 0, template: TEMPLATE },
  })
  const text = await page(service({ strategy: 'perNode' }, { ...BLOCKED, desiredReplicas: 2 }), [there, own])
  assert.match(text, 'Refused by   n2   lacks memory: 2Gi asked for, 1Gi of 3Gi free\n')
  assert.not.match(text, 'n3')
  assert.match(text, '2 wanted (one on each node)')
})

test('describe service shows the rules of its placement', async () => {
  const term = {
    matchExpressions: [
      { key: 'size', operator: 'In', values: ['a', 'b'] },
      { key: 'gpu', operator: 'Exists' },
    ],
  }
  const near = { service: 'db', topologyKey: 'rack' }
  const text = await page(
    service({
      strategy: 'pack',
      nodeSelector: { pool: 'web', disk: 'ssd' },
      tolerations: [
        { key: 'spot', operator: 'Exists' },
        { operator: 'Exists', effect: 'NoExecute' },
        { key: 'a', value: 'b' },
      ],
      affinity: {
        node: { required: [term], preferred: [{ weight: 1, preference: term }] },
        service: { preferred: [{ weight: 1, preference: near }] },
      },
      antiAffinity: { service: { required: [{ service: 'web', namespace: 'prod' }] } },
      topologySpreadConstraints: [
        { maxSkew: 2 },
        { topologyKey: 'rack', whenUnsatisfiable: 'ScheduleAnyway' },
      ],
    }),
  )
  assert.match(
    text,
    `Placement    pack
             nodes with pool=web, disk=ssd
             nodes with size In a,b and gpu Exists
             rather nodes with size In a,b and gpu Exists
             tolerates spot
             tolerates every taint:NoExecute
             tolerates a=b
             rather near db by rack
             away from prod/web by kubernetes.io/hostname
             even by topology.kubernetes.io/zone, 2 more at most
             rather even by rack, 1 more at most
`,
  )
})

test('a ScaledJob says where its Jobs may run', async () => {
  const spec = { jobTargetRef: { placement: { strategy: 'pack', nodeSelector: { pool: 'batch' } } } }
  const { describeScaler } = await import('../../src/views/describe/scaler.ts')
  const thumbs = object('ScaledJob', 'thumbs', { spec: { ...spec, triggers: [] } })
  const none = { events: [], revisions: [], instances: [], volumes: [], services: [], deliveries: [] }
  const kind = kinds.byKind('ScaledJob')
  const text = describeScaler({ kind, object: thumbs, nowMs, ...none, recipients: [] })
  assert.match(text, /Placement +pack\n +nodes with pool=batch\n/)
})

test.run()
