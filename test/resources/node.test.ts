import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Node } from '../../src/resources/generated/types.ts'
import { isLost, nodeStateText, taintText } from '../../src/resources/node.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'

function node(over: Partial<Node> = {}): Node {
  return { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Node', metadata: { name: 'alpha' }, ...over } as Node
}

function notReady(reason: string): Node {
  const conditions = [
    { type: 'Ready', status: 'Unknown', reason, lastTransitionTime: '2026-01-01T00:00:00Z' },
  ] as const
  return node({ status: { phase: 'NotReady', conditions } })
}

for (const [text, given] of [
  ['Unknown', node()],
  ['Ready', node({ status: { phase: 'Ready' } })],
  ['Ready,SchedulingDisabled', node({ status: { phase: 'Ready' }, spec: { unschedulable: true } })],
  ['NotReady', notReady('NodeLost')],
] as const)
  test(`a node is shown as ${text}`, () => assert.is(nodeStateText(given), text))

test('only a node that has been silent for the grace period is lost', () => {
  assert.ok(isLost(notReady('NodeLost')))
  assert.not(isLost(notReady('AgentStopped')))
  assert.not(isLost(node({ status: { phase: 'Ready' } })))
  assert.not(isLost(node()))
})

test('taints as people write them', () => {
  assert.is(taintText({ key: 'pool', value: 'spot', effect: 'NoSchedule' }), 'pool=spot:NoSchedule')
  assert.is(taintText({ key: 'example.org/gpu', effect: 'NoExecute' }), 'example.org/gpu:NoExecute')
})

for (const [what, taint, path] of [
  ['an effect that there is not', { key: 'a', effect: 'Never' }, 'spec.taints.0.effect'],
  ['a key that is none', { key: '-a', effect: 'NoSchedule' }, 'spec.taints.0.key'],
  ['a value that is none', { key: 'a', value: 'b c', effect: 'NoSchedule' }, 'spec.taints.0.value'],
] as const)
  test(`a taint with ${what} is refused`, async () => {
    const kind = createKindRegistry().byKind('Node')
    await kind.prepare()
    const issues = kind.validate(node({ spec: { taints: [taint as never] } }))
    assert.equal(
      issues.map((issue) => issue.path.join('.')),
      [path],
    )
  })

test.run()
