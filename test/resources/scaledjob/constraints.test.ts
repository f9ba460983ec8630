import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'

const kind = createKindRegistry().byKind('ScaledJob')
const OURS = { source: { command: ['/bin/true'] } }
const REDIS = { type: 'redis', metadata: { address: 'redis:6379', listName: 'work' } }

async function judge(spec: Record<string, unknown>) {
  await kind.prepare()
  const object = kind.withDefaults({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'ScaledJob',
    metadata: { name: 'jobs', namespace: 'default' },
    spec: { jobTargetRef: { template: OURS }, triggers: [REDIS], ...spec },
  })
  const issues = kind.validate(object).map(({ path, message }) => `${formatPath(path)}: ${message}`)
  return { issues, warnings: issues.length === 0 ? kind.warnings(object) : [] }
}

for (const [name, spec, issue] of [
  [
    'a minimum above the maximum',
    { minReplicaCount: 5, maxReplicaCount: 4 },
    'spec.minReplicaCount: must not be above',
  ],
  ['no triggers', { triggers: [] }, 'spec.triggers: must not be empty'],
  [
    'a rollout that there is not',
    { rollout: { strategy: 'quick' } },
    'spec.rollout.strategy: must be one of default, immediate, gradual, not "quick"',
  ],
  [
    'a percentage that is none',
    { scalingStrategy: { strategy: 'custom', customScalingRunningJobPercentage: 'half' } },
    'must be a number of at least 0 such as 0.5, not "half"',
  ],
  [
    'an unknown field in its template',
    { jobTargetRef: { template: { sourc: {} } } },
    'spec.jobTargetRef.template.sourc: unknown field',
  ],
  [
    'a program that is none',
    { jobTargetRef: { template: {} } },
    'spec.jobTargetRef.template: needs source (one program) or programs (a group)',
  ],
  [
    'a placement that a Job cannot have',
    { jobTargetRef: { template: OURS, placement: { strategy: 'perNode' } } },
    'spec.jobTargetRef.placement.strategy: cannot be perNode',
  ],
  [
    'an unknown field in its placement',
    { jobTargetRef: { template: OURS, placement: { nodeSelectr: {} } } },
    'spec.jobTargetRef.placement.nodeSelectr: unknown field',
  ],
] as const)
  test(`a ScaledJob is refused with ${name}`, async () => {
    const { issues } = await judge(spec)
    assert.ok(
      issues.some((one) => one.includes(issue)),
      `${JSON.stringify(issues)} has no ${issue}`,
    )
  })

test('a ScaledJob of ours is accepted', async () => {
  assert.equal(await judge({}), { issues: [], warnings: [] })
  const placed = { template: OURS, placement: { nodeSelector: { pool: 'batch' } } }
  assert.equal(await judge({ jobTargetRef: placed }), { issues: [], warnings: [] })
})

test('a ScaledJob of containers is stored and makes no Jobs', async () => {
  const template = { spec: { containers: [{ name: 'a', image: 'busybox' }], restartPolicy: 'Never' } }
  const { issues, warnings } = await judge({
    jobTargetRef: { template, suspend: true },
    rolloutStrategy: 'gradual',
  })
  assert.equal(issues, [])
  assert.equal(warnings, [
    'spec.jobTargetRef.template names container images, which nsctl does not run: it makes no Jobs',
    'spec.jobTargetRef.suspend has no effect',
    'spec.rolloutStrategy is deprecated: use spec.rollout.strategy',
  ])
})

test.run()
