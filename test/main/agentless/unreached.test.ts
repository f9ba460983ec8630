import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withWhy } from '../../../src/main/agentless/unreached.ts'
import type { NodeStatus } from '../../../src/resources/generated/types.ts'

const now = '2026-01-01T00:00:00.000Z'
const condition = (reason: string) =>
  ({ type: 'Ready', status: 'False', reason, message: 'm', lastTransitionTime: now }) as const

for (const c of [
  { name: 'never heard of', status: undefined, isSaid: true },
  {
    name: 'whose agent was stopped',
    status: { phase: 'NotReady', conditions: [condition('AgentStopped')] },
    isSaid: true,
  },
  { name: 'that another process looks after', status: { phase: 'Ready' }, isSaid: false },
  { name: 'that is lost', status: { phase: 'NotReady', conditions: [condition('NodeLost')] }, isSaid: false },
] as { name: string; status: NodeStatus | undefined; isSaid: boolean }[])
  test(`why it is not reached is ${c.isSaid ? '' : 'not '}said of a node ${c.name}`, () => {
    const said = withWhy(c.status, 'no route', now)
    if (!c.isSaid) return assert.is(said, c.status)
    assert.is(said?.phase, 'NotReady')
    assert.equal(
      said?.conditions?.map(({ reason, message }) => `${reason}: ${message}`),
      ['NotReached: no route'],
    )
  })

test.run()
