/** Manifests that were written for KEDA: accepted as they stand, and still checked. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Manifest } from '../../src/api/api.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import { parseManifests } from '../../src/resources/manifest.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { sharedFolder } from '../lab/shared.ts'
import { actor, manifest, openBench } from './support.ts'

const folder = sharedFolder('keda/manifests')
const files = folder === undefined ? [] : readdirSync(folder).filter((file) => file.endsWith('.yaml'))
const it = folder === undefined ? test.skip : test
if (folder === undefined) console.log("skipping: needs KEDA's manifests, which $NSCTL_SHARED names")

async function read(file: string): Promise<readonly Manifest[]> {
  return parseManifests(readFileSync(join(folder ?? '', file), 'utf8'), { source: file })
}

it("each of KEDA's manifests passes a dry run unchanged, without its namespace", async () => {
  assert.ok(files.length > 0, 'there are no manifests')
  for (const file of files) {
    const { api, store } = await openBench()
    const { results, failed } = await api.apply(await read(file), { actor, dryRun: true })
    assert.equal(failed, [], file)
    assert.ok(results.length > 0 && results.every(({ verdict }) => verdict === 'created'), file)
    assert.equal(await store.listKeys('obj/'), [], file)
  }
})

it("each of KEDA's manifests is stored and reads back as it was written", async () => {
  const { api } = await openBench()
  for (const file of files) {
    const documents = await read(file)
    for (const { object } of documents) {
      const { name, namespace = 'default' } = object.metadata
      if (namespace !== 'default') await api.apply([manifest('Namespace', { name: namespace })], { actor })
      await api.apply([{ ...documents[0]!, object }], { actor })
      const stored = await api.get({ kind: object.kind, name, namespace })
      assert.ok(stored)
      assert.is(stored.apiVersion, 'nsctl.dev/v1alpha1', file)
      assert.ok(covers(stored.spec, object.spec), `${file}: ${JSON.stringify(stored.spec)}`)
      const again = await api.apply([{ ...documents[0]!, object }], { actor })
      assert.equal(
        again.results.map(({ verdict }) => verdict),
        ['unchanged'],
        file,
      )
      await api.delete({ kind: object.kind, name, namespace }, { actor })
    }
  }
})

/** True where `whole` says all that `part` does; the rest are defaults. */
function covers(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part))
    return (
      Array.isArray(whole) && part.length === whole.length && part.every((one, at) => covers(whole[at], one))
    )
  if (typeof part !== 'object' || part === null) return whole === part
  return Object.entries(part).every(([key, value]) =>
    covers((whole as Record<string, unknown>)?.[key], value),
  )
}

type Spec = Record<string, unknown> & { triggers: Record<string, unknown>[] }

/** What KEDA's schema or its webhook refuses of any manifest. */
const MUTATIONS: readonly (readonly [
  name: string,
  applies: (object: AnyResource) => boolean,
  mutate: (spec: Spec) => void,
])[] = [
  ['min above max', () => true, (spec) => Object.assign(spec, { minReplicaCount: 7, maxReplicaCount: 6 })],
  ['no triggers', () => true, (spec) => Object.assign(spec, { triggers: [] })],
  ['triggers left out', () => true, (spec) => delete (spec as Partial<Spec>).triggers],
  ['an interval that is no number', () => true, (spec) => Object.assign(spec, { pollingInterval: 'abc' })],
  ['an interval in quotes', () => true, (spec) => Object.assign(spec, { pollingInterval: '30' })],
  ['an interval of 0', () => true, (spec) => Object.assign(spec, { pollingInterval: 0 })],
  [
    'two equal names',
    () => true,
    (spec) => {
      const first = { ...spec.triggers[0]!, name: 'same', useCachedMetrics: false }
      spec.triggers = [first, structuredClone(first)]
    },
  ],
  [
    'idle at the minimum',
    isScaledObject,
    (spec) => Object.assign(spec, { minReplicaCount: 1, idleReplicaCount: 1 }),
  ],
  [
    'idle above the minimum',
    isScaledObject,
    (spec) => Object.assign(spec, { minReplicaCount: 1, idleReplicaCount: 2 }),
  ],
  ['a minimum below 0', () => true, (spec) => Object.assign(spec, { minReplicaCount: -1 })],
  ['an unknown field', () => true, (spec) => Object.assign(spec, { unknownField: 1 })],
  ['an unknown field of a trigger', () => true, (spec) => Object.assign(spec.triggers[0]!, { metdata: {} })],
  ['a trigger without a type', () => true, (spec) => delete spec.triggers[0]!.type],
  ['a trigger without metadata', () => true, (spec) => delete spec.triggers[0]!.metadata],
  ['no target', isScaledObject, (spec) => delete spec.scaleTargetRef],
  [
    'a target without a name',
    isScaledObject,
    (spec) => Object.assign(spec, { scaleTargetRef: { name: '' } }),
  ],
  ['no Job', (object) => !isScaledObject(object), (spec) => delete spec.jobTargetRef],
  [
    'a fallback below 0',
    isScaledObject,
    (spec) => Object.assign(spec, { fallback: { failureThreshold: -1, replicas: 1 } }),
  ],
  [
    'a fallback that there is not',
    isScaledObject,
    (spec) => Object.assign(spec, { fallback: { failureThreshold: 1, replicas: 1, behavior: 'hope' } }),
  ],
  [
    'a formula of what there is not',
    isScaledObject,
    (spec) =>
      Object.assign(spec, { advanced: { scalingModifiers: { formula: 'not_there + 1', target: '1' } } }),
  ],
  [
    'a formula that cannot be read',
    isScaledObject,
    (spec) => Object.assign(spec, { advanced: { scalingModifiers: { formula: '1 +', target: '1' } } }),
  ],
  [
    'a formula without a target',
    isScaledObject,
    (spec) => Object.assign(spec, { advanced: { scalingModifiers: { formula: '1 + 1' } } }),
  ],
]

function isScaledObject({ kind }: AnyResource): boolean {
  return kind === 'ScaledObject'
}

for (const [name, applies, mutate] of MUTATIONS)
  it(`each of KEDA's manifests is refused with ${name}`, async () => {
    const { api } = await openBench()
    let count = 0
    for (const file of files)
      for (const document of await read(file)) {
        if (!applies(document.object)) continue
        const object = structuredClone(document.object)
        mutate(object.spec as Spec)
        const { failed } = await api.apply([{ ...document, object }], { actor, dryRun: true, partial: true })
        assert.is(failed.length, 1, `${file} was accepted`)
        assert.is(isNsctlError(failed[0]?.error, 'Invalid'), true, file)
        count++
      }
    assert.ok(count > 0)
  })

test('warnings of what does not act come with a dry run and each time that it is applied', async () => {
  const { api } = await openBench()
  const object = manifest(
    'ScaledObject',
    { name: 'web' },
    {
      spec: { scaleTargetRef: { name: 'web' }, triggers: [{ type: 'aws-sqs-queue', metadata: {} }] },
    },
  )
  const said = [
    'scaledobject/web: spec.triggers[0].type: nsctl has no source for aws-sqs-queue: the trigger does not act',
  ]
  for (const dryRun of [true, false, false]) {
    const { results } = await api.apply([object], { actor, dryRun })
    assert.equal(results[0]?.warnings, said)
  }
})

test('a dry run needs no namespace, and says that it is missing', async () => {
  const { api } = await openBench()
  const object = manifest(
    'ScaledObject',
    { name: 'web', namespace: 'far' },
    {
      spec: {
        scaleTargetRef: { name: 'web' },
        triggers: [{ type: 'redis', metadata: { address: 'a:1', listName: 'l' } }],
      },
    },
  )
  const { results } = await api.apply([object], { actor, dryRun: true })
  assert.equal(results[0]?.warnings, ['there is no namespace "far": nsctl create namespace far'])
})

test.run()
