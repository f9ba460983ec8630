import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'

const kinds = createKindRegistry()

const REDIS = { type: 'redis', name: 'queue', metadata: { address: 'redis:6379', listName: 'work' } }
const CPU = { type: 'cpu', metadata: { value: '80' } }

function scaled(spec: Record<string, unknown>, metadata: object = {}) {
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: 'web', namespace: 'default', ...metadata },
    spec: { scaleTargetRef: { name: 'web' }, triggers: [REDIS], ...spec },
  }
}

async function judge(object: object): Promise<{ issues: readonly string[]; warnings: readonly string[] }> {
  const { apiVersion, kind: name } = object as { apiVersion: string; kind: string }
  const kind = kinds.byApiVersion(apiVersion, name)
  assert.ok(kind)
  await kind.prepare()
  const whole = kind.withDefaults(object)
  const issues = kind.validate(whole).map(({ path, message }) => `${formatPath(path)}: ${message}`)
  return { issues, warnings: issues.length === 0 ? kind.warnings(whole) : [] }
}

const rule = (one: Record<string, unknown>) => ({ rules: [one] })
const modifiers = (one: Record<string, unknown>) => ({ advanced: { scalingModifiers: one } })
const behavior = (one: Record<string, unknown>) => ({
  advanced: { horizontalPodAutoscalerConfig: { behavior: one } },
})

const REFUSED: readonly (readonly [name: string, spec: Record<string, unknown>, issue: string])[] = [
  [
    'a minimum above the maximum',
    { minReplicaCount: 5, maxReplicaCount: 4 },
    'spec.minReplicaCount: must not be above maxReplicaCount, which is 4: 5',
  ],
  [
    'a minimum above the maximum that is left out',
    { minReplicaCount: 101 },
    'spec.minReplicaCount: must not be above maxReplicaCount, which is 100: 101',
  ],
  ['no triggers', { triggers: [] }, 'spec.triggers: must not be empty'],
  ['a maximum of 0', { maxReplicaCount: 0 }, 'spec.maxReplicaCount: must be at least 1, not 0'],
  [
    'an interval that is no number',
    { pollingInterval: 'often' },
    'spec.pollingInterval: must be an integer, not the string "often"',
  ],
  ['an unknown field', { minReplicas: 1 }, 'spec.minReplicas: unknown field'],
  [
    'two triggers of one name',
    { triggers: [REDIS, REDIS] },
    'spec.triggers[1].name: must be unique: triggers[0] is named "queue" too',
  ],
  [
    'idle at the minimum',
    { idleReplicaCount: 2, minReplicaCount: 2 },
    'spec.idleReplicaCount: must be below minReplicaCount, which is 2: 2',
  ],
  [
    'idle without a minimum',
    { idleReplicaCount: 0 },
    'spec.idleReplicaCount: must be below minReplicaCount, which is not given',
  ],
  [
    'cached cpu',
    { triggers: [{ ...CPU, useCachedMetrics: true }, REDIS] },
    'spec.triggers[0].useCachedMetrics: cannot be had of cpu',
  ],
  [
    'a threshold that is no number',
    { triggers: [{ ...REDIS, metadata: { ...REDIS.metadata, listLength: 'abc' } }] },
    'spec.triggers[0].metadata.listLength: must be a whole number, not "abc"',
  ],
  [
    'a fallback that cpu cannot have',
    { triggers: [CPU], fallback: { failureThreshold: 1, replicas: 3 } },
    'spec.fallback: needs a trigger that is not by instance: cpu cannot fail over',
  ],
  [
    'a fallback without replicas',
    { fallback: { failureThreshold: 1 } },
    'spec.fallback.replicas: is required',
  ],
  [
    'a fallback to a formula that there is not',
    { fallback: { failureThreshold: 1, replicas: 3, behavior: 'scalingModifiers' } },
    'spec.fallback.behavior: must not be scalingModifiers without a formula',
  ],
  [
    'a formula without a target',
    modifiers({ formula: 'queue * 2' }),
    'spec.advanced.scalingModifiers.target: is required with a formula',
  ],
  [
    'a target without a formula',
    modifiers({ target: '5' }),
    'spec.advanced.scalingModifiers.formula: is required with scalingModifiers',
  ],
  [
    'a target of 0',
    modifiers({ formula: 'queue', target: '0' }),
    'spec.advanced.scalingModifiers.target: must be a number above 0, not "0"',
  ],
  [
    'a formula that is cut off',
    modifiers({ formula: 'queue +', target: '5' }),
    'spec.advanced.scalingModifiers.formula: ',
  ],
  [
    'a formula of what there is not',
    modifiers({ formula: 'queu * 2', target: '5' }),
    'spec.advanced.scalingModifiers.formula: ',
  ],
  [
    'a formula that is a condition',
    modifiers({ formula: 'queue > 2', target: '5' }),
    'spec.advanced.scalingModifiers.formula: must come to a number, not a boolean',
  ],
  [
    'a tolerance below 0',
    behavior({ scaleUp: { tolerance: '-0.1' } }),
    'must be a number of at least 0 such as 0.05, not "-0.1"',
  ],
  [
    'a tolerance that is none',
    behavior({ scaleUp: { tolerance: 'much' } }),
    'must be a number of at least 0 such as 0.05, not "much"',
  ],
  ['no policy', behavior({ scaleDown: { policies: [] } }), 'policies: must have a policy'],
  [
    'a policy over too long',
    behavior({ scaleDown: { policies: [{ type: 'Pods', value: 1, periodSeconds: 1801 }] } }),
    'periodSeconds: must be at most 1800, not 1801',
  ],
  [
    'a window that is too long',
    behavior({ scaleDown: { stabilizationWindowSeconds: 3601 } }),
    'stabilizationWindowSeconds: must be at most 3600, not 3601',
  ],
  ['a rule without a condition', rule({ min: 2 }), 'spec.rules[0]: must have when or schedule'],
  [
    'a rule with both',
    rule({ when: 'queue > 1', schedule: '0 8 * * *', lasts: '1h', min: 2 }),
    'spec.rules[0].schedule: must not stand beside when',
  ],
  [
    'a rule that does nothing',
    rule({ when: 'queue > 1' }),
    'spec.rules[0]: must have scale, min or max: it does nothing',
  ],
  ['a schedule that never ends', rule({ schedule: '0 8 * * *', min: 2 }), 'spec.rules[0].lasts: is required'],
  [
    'a schedule that is none',
    rule({ schedule: '0 8 * *', lasts: '1h', min: 2 }),
    'spec.rules[0].schedule: schedule "0 8 * *": 4 fields instead of five',
  ],
  [
    'a window of no length',
    rule({ schedule: '0 8 * * *', lasts: '0s', min: 2 }),
    'spec.rules[0].lasts: must be more than 0, not "0s"',
  ],
  [
    'heldFor with a schedule',
    rule({ schedule: '0 8 * * *', lasts: '1h', heldFor: '1s', min: 2 }),
    'spec.rules[0].heldFor: goes with when',
  ],
  [
    'a floor above its ceiling',
    rule({ when: 'queue > 1', min: 3, max: 2 }),
    'spec.rules[0].min: must not be above max, which is 2: 3',
  ],
  [
    'a condition that is a number',
    rule({ when: 'queue + 1', max: 2 }),
    'spec.rules[0].when: must come to a boolean, not a number',
  ],
  ['a condition that cannot be read', rule({ when: 'queue >> 1', max: 2 }), 'spec.rules[0].when: '],
  [
    'a timezone that there is not',
    { timezone: 'Europe/Berln' },
    'spec.timezone: must be a timezone such as Europe/Berlin, not "Europe/Berln"',
  ],
  [
    'a cooldown that outlasts what is remembered',
    { protection: { cooldown: { down: '30d' } } },
    'spec.protection.cooldown.down: must be at most 7d, not "30d"',
  ],
  [
    'flapping within no time',
    { protection: { flapping: { changes: 4, within: '0s', hold: '1m' } } },
    'spec.protection.flapping.within: must be more than 0, not "0s"',
  ],
]
for (const [name, spec, issue] of REFUSED)
  test(`a ScaledObject is refused with ${name}`, async () => {
    const { issues } = await judge(scaled(spec))
    assert.ok(issues.length === 1 && issues[0]?.includes(issue), `${JSON.stringify(issues)} is not ${issue}`)
  })

test('what is wrong with an expression is said with its column and the nearest name', async () => {
  const { issues } = await judge(scaled(modifiers({ formula: '1 + queu', target: '5' })))
  assert.match(issues[0] ?? '', /queu.* 1:5; did you mean queue\?/)
})

const ACCEPTED: readonly (readonly [name: string, spec: Record<string, unknown>])[] = [
  ['the least', {}],
  ['idle below a minimum of 0, which is 1 in KEDA', { idleReplicaCount: 0, minReplicaCount: 0 }],
  ['a tolerance as a number', behavior({ scaleUp: { tolerance: 0.05 } })],
  [
    'a formula over cpu and a queue',
    { ...modifiers({ formula: '(queue.lag ?? 0) + cpu', target: '5' }), triggers: [REDIS, CPU] },
  ],
  [
    'no target where a formula counts',
    {
      ...modifiers({ formula: 'm', target: '5' }),
      triggers: [{ type: 'metrics-api', name: 'm', metadata: { url: 'http://a', valueLocation: 'a' } }],
    },
  ],
  [
    'rules as documented',
    {
      timezone: 'Europe/Berlin',
      triggers: [REDIS, CPU],
      rules: [
        { when: 'cpu > 80 && queue.lag > 1000', heldFor: '30s', scale: '+3' },
        { when: "hour() >= 22 || weekday() in ['sat','sun']", max: 2 },
        { schedule: '0 8 * * 1-5', lasts: '10h', min: 5 },
      ],
      protection: {
        cooldown: { up: '15s', down: '5m' },
        flapping: { changes: 4, within: '10m', hold: '10m' },
        maxActionsPerHour: 60,
      },
    },
  ],
]
for (const [name, spec] of ACCEPTED)
  test(`a ScaledObject is accepted with ${name}`, async () => {
    assert.equal(await judge(scaled(spec)), { issues: [], warnings: [] })
  })

const WARNED: readonly (readonly [name: string, spec: Record<string, unknown>, warning: string])[] = [
  [
    'a trigger without a source',
    { triggers: [{ type: 'aws-sqs-queue', metadata: {} }] },
    'spec.triggers[0].type: nsctl has no source for aws-sqs-queue: the trigger does not act',
  ],
  [
    'a trigger that nobody knows',
    { triggers: [{ type: 'reddis', metadata: {} }] },
    'spec.triggers[0].type: there is no trigger "reddis" (did you mean redis?): it does not act',
  ],
  [
    'more than a Service may have',
    { maxReplicaCount: 50_000 },
    'spec.maxReplicaCount is more than a Service may have: 50000 becomes 10000',
  ],
  [
    'a target of another kind',
    { scaleTargetRef: { name: 'web', kind: 'DaemonSet' } },
    'spec.scaleTargetRef: DaemonSet cannot be scaled',
  ],
  [
    'a key that is mistyped',
    { triggers: [{ ...REDIS, metadata: { ...REDIS.metadata, lisLength: '5' } }] },
    'spec.triggers[0].metadata.lisLength is unknown and ignored (did you mean listLength?)',
  ],
  [
    'a number that should be text',
    { triggers: [{ ...REDIS, metadata: { ...REDIS.metadata, listLength: 5 } }] },
    'spec.triggers[0].metadata.listLength is a number and read as text',
  ],
  [
    'a placeholder',
    {
      triggers: [
        {
          type: 'prometheus',
          metadata: { serverAddress: 'http://<host>:9090', query: 'up', threshold: '1' },
        },
      ],
    },
    'spec.triggers[0].metadata.serverAddress must be a URL such as http://host:9090, not "http://<host>:9090": the trigger does not act',
  ],
  [
    'the name of an HPA',
    { advanced: { horizontalPodAutoscalerConfig: { name: 'x' } } },
    'horizontalPodAutoscalerConfig.name has no effect',
  ],
  [
    'cpu alone, to 0',
    { triggers: [CPU] },
    'spec.minReplicaCount: it never scales to 0, because cpu cannot tell',
  ],
  [
    'cpu alone, to a 0 that is asked for',
    { triggers: [CPU], minReplicaCount: 0 },
    'cpu cannot tell when there is work again: it scales to 0 only where requests can wake it',
  ],
  [
    'a target that is a number',
    modifiers({ formula: 'queue', target: 1.5 }),
    'spec.advanced.scalingModifiers.target is a number and read as text',
  ],
  [
    'a floor above the maximum',
    { maxReplicaCount: 5, rules: [{ when: 'queue > 1', min: 6 }] },
    'spec.rules[0].min is above maxReplicaCount',
  ],
]
for (const [name, spec, warning] of WARNED)
  test(`a ScaledObject is accepted with a warning of ${name}`, async () => {
    const { issues, warnings } = await judge(scaled(spec))
    assert.equal(issues, [])
    assert.ok(
      warnings.length === 1 && warnings[0]?.includes(warning),
      `${JSON.stringify(warnings)} is not ${warning}`,
    )
  })

test('Deployment and StatefulSet mean a Service', async () => {
  for (const scaleTargetRef of [
    { name: 'web', kind: 'Deployment' },
    { name: 'web', kind: 'StatefulSet', apiVersion: 'apps/v1' },
    { name: 'web', kind: 'Service', apiVersion: 'nsctl.dev/v1alpha1' },
  ])
    assert.equal(await judge(scaled({ scaleTargetRef })), { issues: [], warnings: [] })
})

test("KEDA's annotations are allowed, and one that cannot act is named", async () => {
  const annotations = { 'autoscaling.keda.sh/paused': 'true', 'autoscaling.keda.sh/paused-replicas': 'five' }
  const { issues, warnings } = await judge(scaled({}, { annotations }))
  assert.equal(issues, [])
  assert.equal(warnings, [
    'metadata.annotations: autoscaling.keda.sh/paused-replicas must be a number of replicas up to 10000, not "five"',
  ])
})

test.run()
