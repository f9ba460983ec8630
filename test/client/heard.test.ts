import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceApi } from '../../src/api/api.ts'
import { openApi } from '../../src/api/open.ts'
import { follow } from '../../src/client/follow.ts'
import { readAsHeard } from '../../src/client/heard.ts'
import { systemClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { Json } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { columnsOf, renderTable } from '../../src/views/table.ts'

const nodeStatus = (phase: string, reason: string) => ({
  phase,
  conditions: [{ type: 'Ready', status: 'Unknown', reason, lastTransitionTime: '2026-01-01T00:00:00.000Z' }],
})

const RUNNING = {
  phase: 'Running',
  ready: true,
  readyText: 'yes',
  readySince: '2026-01-01T00:00:00.000Z',
  pid: 4711,
  restarts: 2,
  cpuMillis: 12,
}

function instance(name: string, node: string): AnyResource {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Instance',
    metadata: { name, namespace: 'default' },
    spec: {
      ...{ service: 'web', ordinal: 0, node, templateHash: 'h3kq9x2mzc', attempt: 0 },
      template: { source: { command: ['node'] } },
    },
  } as AnyResource
}

async function withInstances(run: (api: ResourceApi) => Promise<void>): Promise<void> {
  const store = createMemoryStore()
  const api = await openApi({ store, clock: systemClock, ids: randomIds })
  try {
    for (const node of ['n1', 'n2']) {
      const meta = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Node', metadata: { name: node } }
      await api.createOwned([meta as AnyResource])
      await say(api, node, 'Ready', 'AgentRunning')
    }
    await api.createOwned([instance('web-0-aaaaa', 'n1'), instance('web-1-bbbbb', 'n2')])
    for (const name of ['web-0-aaaaa', 'web-1-bbbbb'])
      await api.updateStatus({ kind: 'Instance', namespace: 'default', name }, RUNNING as Json)
    await run(api)
  } finally {
    await api.flush()
    await store.close()
  }
}

async function say(api: ResourceApi, name: string, phase: string, reason: string): Promise<void> {
  await api.updateStatus({ kind: 'Node', name }, nodeStatus(phase, reason) as unknown as Json)
}

for (const c of [
  { name: 'of a lost node', phase: 'NotReady', reason: 'NodeLost', want: 'Unknown' },
  {
    name: 'of one that is silent with many others',
    phase: 'NotReady',
    reason: 'NodeSilent',
    want: 'Unknown',
  },
  {
    name: 'of one that is heard of again and settles',
    phase: 'NotReady',
    reason: 'NodeSettling',
    want: 'Running',
  },
  {
    name: 'of one whose agent was stopped in order',
    phase: 'NotReady',
    reason: 'AgentStopped',
    want: 'Running',
  },
  { name: 'of one that is ready', phase: 'Ready', reason: 'AgentRunning', want: 'Running' },
])
  test(`an instance ${c.name} reads ${c.want}, however it is read`, async () => {
    await withInstances(async (api) => {
      await say(api, 'n2', c.phase, c.reason)
      const reader = readAsHeard(api)
      const kind = api.kinds.byKind('Instance')
      const scope = { namespace: 'default' }
      const phases = [
        (await reader.get({ kind: 'Instance', namespace: 'default', name: 'web-1-bbbbb' }))?.status?.phase,
        (await reader.list(kind, scope)).items[1]?.status?.phase,
        (await reader.listAll([api.kinds.byKind('Service'), kind], scope)).lists[1]?.[1]?.status?.phase,
        (await reader.listAll([api.kinds.byKind('Node'), kind])).lists[1]?.[1]?.status?.phase,
      ]
      assert.equal(phases, [c.want, c.want, c.want, c.want])
      assert.is((await reader.list(kind)).items[0]?.status?.phase, 'Running', 'the other node is heard of')
      const stored = await api.get({ kind: 'Instance', namespace: 'default', name: 'web-1-bbbbb' })
      assert.equal(stored?.status, RUNNING, 'what the agent wrote stays')
    })
  })

test('what is not known any more is not told: neither ready nor a pid, and the row says why', async () => {
  await withInstances(async (api) => {
    await say(api, 'n2', 'NotReady', 'NodeLost')
    const kind = api.kinds.byKind('Instance')
    const { items } = await readAsHeard(api).list(kind)
    const { conditions, ...status } = items[1]?.status ?? {}
    assert.equal(status, {
      ...{ phase: 'Unknown', ready: false, readyText: 'no', restarts: 2, reason: 'NodeLost' },
      message: 'node/n2 is lost: last heard of as Running, ready',
    })
    assert.equal(
      (conditions as readonly { status: string; reason: string }[]).map(
        (one) => `${one.status} ${one.reason}`,
      ),
      ['Unknown NodeLost'],
    )
    const row = renderTable(items, columnsOf(kind, { nowMs: systemClock.now() })).split('\n')[2]
    assert.match(
      row ?? '',
      /^web-1-bbbbb +n2 +Unknown +no +2 .*node\/n2 is lost: last heard of as Running, ready$/,
    )
  })
})

test('a run that has ended stays ended on a node that is lost', async () => {
  await withInstances(async (api) => {
    const ref = { kind: 'Instance', namespace: 'default', name: 'web-1-bbbbb' }
    await api.updateStatus(ref, { phase: 'Succeeded' })
    await say(api, 'n2', 'NotReady', 'NodeLost')
    assert.equal((await readAsHeard(api).get(ref))?.status?.phase, 'Succeeded')
  })
})

test('who watches instances hears of it when their node falls silent and when it is back', async () => {
  await withInstances(async (api) => {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), 10_000)
    const seen: string[] = []
    const reader = { ...readAsHeard(api), kinds: api.kinds } as unknown as ResourceApi
    for await (const { changes } of follow(reader, [api.kinds.byKind('Instance')], stop.signal)) {
      for (const change of changes)
        if (change.kind === 'put') seen.push(`${change.ref.name} ${change.object.status?.phase}`)
      if (seen.length === 2) await say(api, 'n2', 'NotReady', 'NodeLost')
      if (seen.length === 3) await say(api, 'n2', 'Ready', 'AgentRunning')
      if (seen.length === 4) break
    }
    clearTimeout(timer)
    assert.equal(seen, [
      'web-0-aaaaa Running',
      'web-1-bbbbb Running',
      'web-1-bbbbb Unknown',
      'web-1-bbbbb Running',
    ])
  })
})

test.run()
