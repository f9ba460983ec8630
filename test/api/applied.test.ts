import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceApi } from '../../src/api/api.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { keysOf, lastApplied, openBench, options, service, storedJson, web } from './support.ts'

const APPLIED = 'applied/nsctl.dev/services/default/web'
const OBJECT = 'obj/nsctl.dev/services/default/web'
const source = { command: ['true'] }

test('an object that is its manifest with defaults keeps only which those are', async () => {
  const { api, store } = await openBench()
  await api.apply([service('web', { replicas: 2 })], options)
  assert.equal(await keysOf(store, 'applied/'), [])
  const stored = (await storedJson(store, OBJECT)) as Record<string, unknown>
  assert.match(String(stored['nsctl.dev/defaulted']), /^spec\{/)
  assert.not('nsctl.dev/defaulted' in ((await api.get(web)) as object))
  for (const item of (await api.list(api.kinds.byKind('Service'), {})).items)
    assert.not('nsctl.dev/defaulted' in item)
})

test('who takes the object away from its manifest writes that down first', async () => {
  const { api, store } = await openBench()
  await api.apply([service('web', { replicas: 2 })], options)
  await api.updateStatus(web, { replicas: 2 })
  assert.equal(await keysOf(store, 'applied/'), [])
  await api.scale(web, 5, options)
  const manifest = { metadata: {}, spec: { replicas: 2, template: { source } } }
  assert.equal(await storedJson(store, APPLIED), manifest)
  assert.is(
    await storedJson(store, OBJECT).then(
      (it) => (it as object as Record<string, unknown>)['nsctl.dev/defaulted'],
    ),
    undefined,
  )
  await api.apply([service('web', { replicas: 2 })], options)
  assert.equal(await keysOf(store, 'applied/'), [])
  assert.equal(await lastApplied(api, store), manifest)
})

/** One step of somebody; what it makes of the last applied manifest is the model's. */
type Step =
  | { readonly act: 'apply'; readonly spec: Record<string, unknown>; readonly labels: Record<string, string> }
  | { readonly act: 'scale'; readonly replicas: number }
  | { readonly act: 'label'; readonly labels: Record<string, string | null> }
  | { readonly act: 'patch'; readonly spec: Record<string, unknown> }
  | { readonly act: 'status' | 'take' | 'rollback' | 'mark' }

/** As a parser makes it. */
const asParsed = (value: unknown) => JSON.parse(JSON.stringify(value))

const label = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'), {
  maxKeys: 2,
  noNullPrototype: true,
})
const spec = fc
  .record(
    {
      replicas: fc.constantFrom(1, 2, 3),
      revisionHistoryLimit: fc.constantFrom(10, 11),
      template: fc.record(
        {
          source: fc.constant(source),
          stop: fc.constantFrom({}, { signal: 'SIGTERM' }, { signal: 'SIGINT' }),
          env: fc.constantFrom([], [{ name: 'A', value: '1' }], [{ name: 'A', value: 'null' }]),
          ports: fc.constantFrom([{ name: 'http' }], [{ name: 'http', protocol: 'TCP' }]),
        },
        { requiredKeys: ['source'] },
      ),
    },
    { requiredKeys: ['template'] },
  )
  .map(asParsed)
const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ act: fc.constant('apply' as const), spec, labels: label }),
    fc.record({ act: fc.constant('scale' as const), replicas: fc.constantFrom(1, 2, 4) }),
    fc.record({ act: fc.constant('label' as const), labels: label }),
    fc.record({ act: fc.constant('patch' as const), spec: fc.record({ replicas: fc.constantFrom(1, 5) }) }),
    fc.record({
      act: fc.constantFrom('status' as const, 'take' as const, 'rollback' as const, 'mark' as const),
    }),
  ),
  { minLength: 1, maxLength: 8 },
)

async function take(api: ResourceApi, step: Step, count: number): Promise<void> {
  switch (step.act) {
    case 'apply':
      await api.apply([service('web', step.spec, { labels: step.labels })], options)
      return
    case 'scale':
      await api.scale(web, step.replicas, options)
      return
    case 'label':
      await api.patch(web, 'merge', { metadata: { labels: step.labels } }, options)
      return
    case 'patch':
      await api.patch(web, 'merge', { spec: step.spec as { replicas: number } }, options)
      return
    case 'status':
      await api.updateStatus(web, { replicas: count })
      return
    case 'take':
      await api.takeFields(web, 'scaledobject/web', count % 2 === 0 ? ['spec.replicas'] : [])
      return
    case 'rollback':
      await api.rollback(web, options).catch((error: unknown) => {
        if (!isNsctlError(error)) throw error
      })
      return
    case 'mark':
      await api.ensure({
        apiVersion: 'nsctl.dev/v1alpha1',
        kind: 'Service',
        metadata: { name: 'web', namespace: 'default', labels: { ensured: String(count) } },
        spec: { template: { source } },
      } as unknown as AnyResource)
  }
}

test('whatever happens to an object, the manifest that was applied to it last is known', async () => {
  await fc.assert(
    fc.asyncProperty(spec, label, steps, async (first, labels, rest) => {
      const { api, store } = await openBench()
      let last: unknown
      for (const [count, step] of [{ act: 'apply', spec: first, labels } as Step, ...rest].entries()) {
        await take(api, step, count)
        if (step.act === 'apply')
          last = {
            metadata: Object.keys(step.labels).length === 0 ? {} : { labels: step.labels },
            spec: step.spec,
          }
        const known = (await lastApplied(api, store)) as { metadata: { labels?: object } }
        const { labels: kept = {}, ...metadata } = known.metadata
        const whole = {
          ...known,
          metadata: Object.keys(kept).length === 0 ? metadata : { ...metadata, labels: kept },
        }
        assert.equal(whole, last)
      }
    }),
    { numRuns: 300 },
  )
})

test.run()
