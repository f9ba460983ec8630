/** The sources that look at instances: cpu, memory, io, service, kubernetes-workload. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, NsctlError } from '../../../src/core/errors.ts'
import type { TriggerSchema } from '../../../src/resources/triggers/schema.ts'
import { serviceTrigger } from '../../../src/resources/triggers/service.ts'
import type { InstanceSample, SourceType } from '../../../src/scaling/source.ts'
import { cpu } from '../../../src/scaling/sources/cpu.ts'
import { io } from '../../../src/scaling/sources/io.ts'
import { kubernetesWorkload } from '../../../src/scaling/sources/kubernetes-workload.ts'
import { memory } from '../../../src/scaling/sources/memory.ts'
import { service } from '../../../src/scaling/sources/service.ts'
import { sourceContext, type TriggerSpec, triggerConfig } from './double.ts'
import { type GivenInstance, givenWorkloads } from './workloads.ts'

const signal = new AbortController().signal

function opened(
  type: SourceType,
  spec: TriggerSpec,
  instances: readonly GivenInstance[],
  schema?: TriggerSchema,
) {
  return type.open(triggerConfig(spec, schema), sourceContext({ workloads: givenWorkloads(instances) }))
}

const SHOP: readonly GivenInstance[] = [
  { service: 'web', labels: { app: 'web', tier: 'front' } },
  { service: 'web', labels: { app: 'web', tier: 'front' }, ready: false, node: 'beta' },
  { service: 'web', labels: { app: 'web', tier: 'front' }, ready: false, phase: 'pending' },
  { service: 'queue', labels: { app: 'queue' }, phase: 'failed', ready: false },
  { service: 'queue', labels: { app: 'queue' } },
  { service: 'web', labels: { app: 'web' }, namespace: 'other' },
]

const SIZES: readonly { name: string; metadata: Record<string, string>; value: number; active: boolean }[] = [
  {
    name: 'a Service of its own namespace',
    metadata: { service: 'web', value: '3' },
    value: 1,
    active: true,
  },
  {
    name: 'a Service of another',
    metadata: { service: 'web', namespace: 'other', value: '3' },
    value: 1,
    active: true,
  },
  {
    name: 'not active at its threshold',
    metadata: { service: 'web', value: '3', activationValue: '1' },
    value: 1,
    active: false,
  },
]
for (const c of SIZES)
  test(`service counts ready instances: ${c.name}`, async () => {
    const source = opened(service, { type: 'service', metadata: c.metadata }, SHOP, serviceTrigger)
    const want = { kind: 'values', metrics: [{ name: '', value: c.value }], active: c.active }
    assert.equal(await source.measure(signal), want)
  })

test('service: one that is not there is no 0', async () => {
  const source = opened(service, { type: 'service', metadata: { service: 'wbe', value: '3' } }, SHOP)
  const error = await source.measure(signal).catch((thrown) => thrown)
  assert.ok(isNsctlError(error, 'Invalid'), error)
  assert.match(error.message, 'default/wbe')
})

for (const c of [
  { name: 'by a label', podSelector: 'app=web', value: 3 },
  { name: 'without what has failed', podSelector: 'app=queue', value: 1 },
  { name: 'by a set', podSelector: 'app in (web,queue)', value: 4 },
  { name: 'by what is not there', podSelector: '!tier', value: 1 },
  { name: 'nodes that have one', podSelector: 'app=web', groupByNode: 'true', value: 2 },
  { name: 'none', podSelector: 'app=db', value: 0 },
])
  test(`kubernetes-workload counts ${c.name}`, async () => {
    const { podSelector, groupByNode = 'false' } = c
    const metadata = { podSelector, groupByNode, value: '1' }
    const reading = await opened(kubernetesWorkload, { type: 'kubernetes-workload', metadata }, SHOP).measure(
      signal,
    )
    assert.equal(reading, { kind: 'values', metrics: [{ name: '', value: c.value }], active: c.value > 0 })
  })

for (const podSelector of ['', '  ', 'a=b=c', 'app in (web'])
  test(`kubernetes-workload refuses the selector ${JSON.stringify(podSelector)}`, () => {
    try {
      opened(kubernetesWorkload, { type: 'kubernetes-workload', metadata: { podSelector } }, SHOP)
    } catch (error) {
      assert.ok(isNsctlError(error, 'Invalid'))
      assert.is((error as NsctlError).value, 'podSelector')
      return
    }
    assert.unreachable('it was accepted')
  })

const SAMPLES: readonly InstanceSample[] = [{ instance: 'web-0', value: 250, atMs: 5, windowMs: 15_000 }]

for (const [type, resource] of [
  [cpu, 'cpu'],
  [memory, 'memory'],
  [io, 'io'],
] as const)
  test(`${resource} says what each instance uses, and is never active by itself`, async () => {
    const asked: unknown[] = []
    const workloads = {
      ...givenWorkloads(SHOP),
      usage: async (...args: readonly unknown[]) => {
        asked.push(args.slice(0, 2))
        return SAMPLES
      },
    }
    const source = type.open(triggerConfig({ type: resource, metadata: {} }), sourceContext({ workloads }))
    assert.equal(await source.measure(signal), { kind: 'instances', samples: SAMPLES })
    assert.equal(asked, [[{ namespace: 'default', name: 'web' }, resource]])
    await source.close()
    const error = await source.measure(signal).catch((thrown) => thrown)
    assert.ok(isNsctlError(error, 'Unreachable'), error)
  })

test('cpu says nothing about a ScaledJob', () => {
  const spec = { type: 'cpu', metadata: {}, service: undefined }
  assert.throws(
    () => opened(cpu, spec, SHOP),
    (error: unknown) => error instanceof NsctlError && error.code === 'Invalid',
  )
})

test.run()
