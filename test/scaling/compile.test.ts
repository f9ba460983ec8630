/** What a ScaledObject says, as decide() reads it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ScaledObject, ScaledObjectSpec } from '../../src/resources/generated/types.ts'
import { parseManifests } from '../../src/resources/manifest.ts'
import { compilePause } from '../../src/scaling/compile/pause.ts'
import { compilePolicy } from '../../src/scaling/compile.ts'
import { initialState } from '../../src/scaling/decide.ts'
import { actor, manifest, openBench } from '../api/support.ts'
import { sharedFolder } from '../lab/shared.ts'
import { decideOnce, input, START, value } from './decide/scene.ts'

const QUEUE = {
  type: 'redis',
  name: 'queue',
  useCachedMetrics: false,
  metadata: { address: 'redis:6379', listName: 'jobs', listLength: '20' },
}

function scaledObject(
  spec: Partial<ScaledObjectSpec> = {},
  annotations: Readonly<Record<string, string>> = {},
): ScaledObject {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: 'web', namespace: 'shop', annotations },
    spec: {
      scaleTargetRef: { name: 'web' },
      pollingInterval: 30,
      cooldownPeriod: 300,
      minReplicaCount: 0,
      maxReplicaCount: 100,
      timezone: 'UTC',
      triggers: [QUEUE],
      ...spec,
    },
  }
}

test('nothing asks for more than a Service may have', () => {
  const spec = { minReplicaCount: 20_000, idleReplicaCount: 15_000, maxReplicaCount: 50_000 }
  const { minReplicas, idleReplicas, maxReplicas } = compilePolicy(scaledObject(spec))
  assert.equal([minReplicas, idleReplicas, maxReplicas], [10_000, 10_000, 10_000])
  const { pause } = compilePolicy(scaledObject({}, { 'autoscaling.keda.sh/paused-replicas': '200000' }))
  assert.equal(pause, { kind: 'all', replicas: 10_000 })
})

test('compilePolicy fills in what is left out', () => {
  const policy = compilePolicy(scaledObject())
  const { triggers, triggerByName, timeOfDay, ...rest } = policy
  assert.equal(rest, {
    minReplicas: 0,
    maxReplicas: 100,
    idleReplicas: undefined,
    cooldownMs: 300_000,
    initialCooldownMs: 0,
    behavior: undefined,
    tolerance: { up: 0.1, down: 0.1 },
    modifiers: undefined,
    fallback: undefined,
    timezone: 'UTC',
    rules: [],
    protection: { cooldownUpMs: 0, cooldownDownMs: 0, flapping: undefined, maxActionsPerHour: undefined },
    pause: undefined,
    forceActive: false,
    sleepsWhereAsked: true,
  })
  assert.equal(triggers, [
    {
      key: 'queue',
      name: 'queue',
      type: 'redis',
      label: 'redis/queue',
      metricType: 'AverageValue',
      target: 20,
      perInstance: false,
      isCpu: false,
      unit: '',
    },
  ])
  assert.equal(
    [...triggerByName],
    [
      ['queue', 0],
      ['redis', 0],
    ],
  )
  assert.is(timeOfDay(Date.UTC(2026, 0, 1, 7, 5, 9)), '07:05:09')
})

test('compilePolicy names triggers without a name by type and index', () => {
  const trigger = { type: 'redis', useCachedMetrics: false, metadata: QUEUE.metadata }
  const cpu = { type: 'cpu', useCachedMetrics: false, metadata: { value: '70' } }
  const { triggers, triggerByName } = compilePolicy(scaledObject({ triggers: [trigger, trigger, cpu] }))
  assert.equal(
    triggers.map(({ key, label }) => [key, label]),
    [
      ['redis-0', 'redis-0'],
      ['redis-1', 'redis-1'],
      ['cpu-2', 'cpu'],
    ],
  )
  assert.is(triggerByName.get('cpu'), 2)
  assert.is(triggerByName.get('redis'), undefined)
})

for (const [name, trigger, want] of [
  ['cpu', { type: 'cpu', metadata: { value: '70' } }, ['Utilization', 70, '%', true]],
  [
    'cpu by amount',
    { type: 'cpu', metricType: 'AverageValue', metadata: { value: '500m' } },
    ['AverageValue', 500, 'm', true],
  ],
  [
    'memory by amount',
    { type: 'memory', metricType: 'AverageValue', metadata: { value: '100Mi' } },
    ['AverageValue', 104_857_600, 'B', true],
  ],
  ['one without a source', { type: 'etcd', metadata: {} }, ['AverageValue', undefined, '', false]],
  [
    'one that says it with each value',
    { type: 'external', metadata: { scalerAddress: 'x:1' } },
    ['AverageValue', undefined, '', false],
  ],
] as const)
  test(`compilePolicy reads ${name}`, () => {
    const { triggers } = compilePolicy(scaledObject({ triggers: [{ useCachedMetrics: false, ...trigger }] }))
    const [{ metricType, target, unit, perInstance } = triggers[0]!] = triggers
    assert.equal([metricType, target, unit, perInstance], want)
  })

test('compilePolicy gives HPA’s defaults for what behavior leaves out', () => {
  const behavior = {
    scaleUp: { tolerance: '0.05', policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] },
  } as const
  const { behavior: compiled, tolerance } = compilePolicy(
    scaledObject({
      advanced: { restoreToOriginalReplicaCount: false, horizontalPodAutoscalerConfig: { behavior } },
    }),
  )
  assert.equal(tolerance, { up: 0.05, down: 0.1 })
  assert.equal(compiled, {
    up: { stabilizationMs: 0, select: 'Max', policies: [{ type: 'Pods', value: 2, periodMs: 60_000 }] },
    down: {
      stabilizationMs: 300_000,
      select: 'Max',
      policies: [{ type: 'Percent', value: 100, periodMs: 15_000 }],
    },
  })
})

test('compilePolicy parses formula, rules and protection', () => {
  const { modifiers, rules, protection } = compilePolicy(
    scaledObject({
      timezone: 'Europe/Berlin',
      advanced: {
        restoreToOriginalReplicaCount: false,
        scalingModifiers: {
          formula: 'queue * 2',
          target: '5',
          activationTarget: '1',
          metricType: 'AverageValue',
        },
      },
      rules: [
        { when: 'queue > 10', heldFor: '1m30s', scale: '+3' },
        { name: 'night', when: 'hour() >= 22', max: 2 },
        { name: 'night', schedule: '0 8 * * 1-5', lasts: '10h', min: 5, scale: '-20%' },
        { schedule: '0 9 * * *', scale: '7' },
      ],
      protection: {
        cooldown: { up: '15s', down: '5m' },
        flapping: { changes: 4, within: '10m', hold: '20m' },
        maxActionsPerHour: 60,
      },
    }),
  )
  assert.is(modifiers?.target, 5)
  assert.is(modifiers?.activationTarget, 1)
  assert.equal([...modifiers!.reads], ['queue'])
  assert.equal(
    rules.map(({ name, scale, min, max }) => [name, scale, min, max]),
    [
      ['rule 1', { kind: 'by', count: 3 }, undefined, undefined],
      ['night', undefined, undefined, 2],
      ['night (3)', { kind: 'byPercent', percent: -20 }, 5, undefined],
      ['rule 4', { kind: 'to', count: 7 }, undefined, undefined],
    ],
  )
  const [first, , third] = rules
  assert.ok(first?.condition.kind === 'when' && first.condition.heldForMs === 90_000)
  assert.ok(third?.condition.kind === 'schedule' && third.condition.lastsMs === 36_000_000)
  assert.ok(third.condition.kind === 'schedule' && third.condition.schedule.timezone === 'Europe/Berlin')
  assert.equal(protection, {
    cooldownUpMs: 15_000,
    cooldownDownMs: 300_000,
    flapping: { changes: 4, withinMs: 600_000, holdMs: 1_200_000 },
    maxActionsPerHour: 60,
  })
})

test('compilePolicy knows names with dashes from differences', () => {
  const trigger = { ...QUEUE, name: 'my-queue' }
  const { rules, triggerByName } = compilePolicy(
    scaledObject({ triggers: [trigger], rules: [{ when: 'my-queue.age > 5', min: 2 }] }),
  )
  const [rule] = rules
  assert.ok(rule?.condition.kind === 'when')
  assert.equal(rule.condition.expression.names, ['my-queue.age'])
  assert.is(triggerByName.get('my-queue'), 0)
})

const OF_KEDA = 'autoscaling.keda.sh/'
for (const [annotations, want] of [
  [{}, undefined],
  [{ paused: 'true' }, { kind: 'all', replicas: undefined }],
  [{ paused: '' }, { kind: 'all', replicas: undefined }],
  [{ paused: 'anything' }, { kind: 'all', replicas: undefined }],
  [{ paused: 'false' }, undefined],
  [{ paused: 'F' }, undefined],
  [{ paused: '0' }, undefined],
  [{ 'paused-replicas': '0' }, { kind: 'all', replicas: 0 }],
  [
    { 'paused-replicas': '4', paused: 'false' },
    { kind: 'all', replicas: 4 },
  ],
  [{ 'paused-replicas': 'many' }, { kind: 'all', replicas: undefined }],
  [{ 'paused-scale-in': 'true' }, { kind: 'in', replicas: undefined }],
  [{ 'paused-scale-out': 'true' }, { kind: 'out', replicas: undefined }],
  [
    { 'paused-scale-in': 'true', 'paused-scale-out': 'true' },
    { kind: 'all', replicas: undefined },
  ],
] as const)
  test(`compilePause of ${JSON.stringify(annotations)}`, () => {
    const named = Object.entries(annotations).map(([name, text]) => [OF_KEDA + name, text])
    assert.equal(compilePause(Object.fromEntries(named)), want)
  })

test('compilePolicy knows force-activation', () => {
  assert.is(compilePolicy(scaledObject({}, { [`${OF_KEDA}force-activation`]: 'true' })).forceActive, true)
})

const folder = sharedFolder('keda/manifests')
const it = folder === undefined ? test.skip : test
if (folder === undefined) console.log("skipping: needs KEDA's manifests, which $NSCTL_SHARED names")

/** As they are stored. */
async function scaledObjects(): Promise<readonly ScaledObject[]> {
  const { api } = await openBench()
  const found: ScaledObject[] = []
  for (const file of readdirSync(folder ?? '').filter((name) => name.endsWith('.yaml'))) {
    const documents = await parseManifests(readFileSync(join(folder ?? '', file), 'utf8'), { source: file })
    for (const document of documents) {
      const { kind, metadata } = document.object
      if (kind !== 'ScaledObject') continue
      const { name, namespace = 'default' } = metadata
      if (namespace !== 'default') await api.apply([manifest('Namespace', { name: namespace })], { actor })
      await api.apply([document], { actor })
      found.push((await api.get({ kind, name, namespace })) as ScaledObject)
      await api.delete({ kind, name, namespace }, { actor })
    }
  }
  return found
}

it('compilePolicy takes every ScaledObject that was written for KEDA', async () => {
  const objects = await scaledObjects()
  assert.ok(objects.length > 10, `${objects.length} ScaledObjects`)
  for (const object of objects) {
    const { name } = object.metadata
    const policy = compilePolicy(object)
    const state = initialState({ time: { steadyMs: START }, replicas: 3 })
    const { minReplicas, maxReplicas, triggers, pause } = policy
    const all = (look: ReturnType<typeof value>) => Object.fromEntries(triggers.map(({ key }) => [key, look]))
    const within = Math.min(maxReplicas, Math.max(minReplicas, 3))
    const blind = decideOnce(policy, input(3, {}), state)
    if (pause === undefined) assert.is(blind.to, within, `${name}: nothing was read`)
    const busy = decideOnce(policy, input(3, all(value(7))), state)
    assert.ok(
      busy.to <= Math.max(maxReplicas, 3) && busy.to >= Math.min(minReplicas, 3),
      `${name}: ${busy.to}`,
    )
    assert.is(busy.triggers.length, triggers.length)
  }
})

test.run()
