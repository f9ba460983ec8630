import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeRegistration } from '../../src/agent/node.ts'
import { FINALIZERS } from '../../src/api/api.ts'
import { openApi } from '../../src/api/open.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { type ErrorCode, isNsctlError, NsctlError } from '../../src/core/errors.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { parseCpuMillis } from '../../src/core/quantity.ts'
import { type ConditionInput, findCondition, setConditions } from '../../src/resources/conditions.ts'
import type { Node } from '../../src/resources/generated/types.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { RecordingLogger, turn } from '../engine/harness.ts'
import { FakeSeal } from './material/fake-seal.ts'

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited in vain for: ${condition}`)
    await turn()
  }
}

/** A node's registration over a store whose writes can be made to fail. */
async function startNode(metricsUrl?: Promise<string | undefined>) {
  const clock = new ManualClock()
  const api = await openApi({ store: createMemoryStore(), clock, ids: randomIds })
  const trouble: { code: ErrorCode | undefined; mayNotRegister?: boolean } = { code: undefined }
  const logger = new RecordingLogger()
  const seal = new FakeSeal()
  const fail = () => {
    if (trouble.code !== undefined) throw new NsctlError(trouble.code, 'no write goes through')
  }
  let instances = 0
  let held = true
  let pressures: readonly ConditionInput[] = []
  const stop = new AbortController()
  const { run } = nodeRegistration({
    name: 'local',
    api: {
      get: (ref) => api.get(ref),
      async updateOwned(ref, change) {
        fail()
        await api.updateOwned(ref, change)
      },
      async ensure(object) {
        fail()
        if (trouble.mayNotRegister) throw new NsctlError('Unreachable', 'permission denied')
        return await api.ensure(object)
      },
      async amendStatus(ref, amend) {
        fail()
        await api.amendStatus(ref, amend)
      },
    },
    runtime: { description: 'fake', cannot: ['network'], runtimes: ['nspawn'] },
    version: '1.2.3',
    seal,
    clock,
    logger,
    countInstances: () => instances,
    pressure: { look: async () => pressures },
    heartbeat: {
      get isHeld() {
        return held
      },
    },
    addresses: ['10.0.0.7'],
    reserve: { cpuMillis: 500, memoryBytes: 0 },
    ...(metricsUrl && { metricsUrl }),
  })
  let end: { readonly error?: unknown } | undefined
  return {
    clock,
    logger,
    trouble,
    seal,
    api,
    node: () => api.get<Node>({ kind: 'Node', name: 'local' }),
    setInstances: (count: number) => {
      instances = count
    },
    setHeld: (is: boolean) => {
      held = is
    },
    press: (conditions: readonly ConditionInput[]) => {
      pressures = conditions
    },
    start: () => {
      run(stop.signal).then(
        () => {
          end = {}
        },
        (error) => {
          end = { error }
        },
      )
    },
    stop: () => stop.abort(),
    end: () => end,
  }
}

test('registers itself, says how many instances it has, and that nobody looks after it at the end', async () => {
  const local = await startNode()
  local.start()
  await until(async () => (await local.node())?.status?.phase === 'Ready')
  const { status } = (await local.node()) as Node
  assert.is(status?.runtime, 'fake')
  assert.is(status?.version, '1.2.3')
  assert.equal(status?.cannot, ['network'])
  assert.equal(status?.runtimes, ['nspawn'])
  local.setInstances(3)
  await until(async () => {
    local.clock.advance(5_000)
    return (await local.node())?.status?.instances === 3
  })
  local.stop()
  await until(async () => (await local.node())?.status?.phase === 'NotReady')
  await until(() => local.end() !== undefined)
  assert.equal(local.end(), {})
})

for (const code of ['Unreachable', 'StoreFull', 'StoreLocked'] as const) {
  test(`waits out a store that is away (${code}): the agent goes on without it`, async () => {
    const local = await startNode()
    local.trouble.code = code
    local.start()
    await until(() => local.logger.lines.length > 0)
    local.clock.advance(5_000)
    assert.is(local.end(), undefined)
    local.trouble.code = undefined
    await until(async () => {
      local.clock.advance(5_000)
      return (await local.node())?.status?.phase === 'Ready'
    })
    local.trouble.code = code
    local.setInstances(2)
    for (let i = 0; i < 3; i++) {
      local.clock.advance(5_000)
      await turn()
    }
    assert.is(local.end(), undefined)
    local.trouble.code = undefined
    await until(async () => {
      local.clock.advance(5_000)
      return (await local.node())?.status?.instances === 2
    })
    local.stop()
    await until(() => local.end() !== undefined)
    assert.equal(local.end(), {})
  })
}

test('gives up where it is not the store that is away', async () => {
  const local = await startNode()
  local.trouble.code = 'StoreCorrupt'
  local.start()
  await until(() => local.end() !== undefined)
  assert.ok(isNsctlError(local.end()?.error, 'StoreCorrupt'))
})

/** What the node's condition IdentityVerified says, once it says `status`. */
async function verified(local: Awaited<ReturnType<typeof startNode>>, status: string): Promise<string> {
  let said: { readonly message?: string } | undefined
  await until(async () => {
    local.clock.advance(5_000)
    const conditions = (await local.node())?.status?.conditions
    said = conditions?.find((one) => one.type === 'IdentityVerified' && one.status === status)
    return said !== undefined
  })
  return said?.message ?? ''
}

const pin = (local: Awaited<ReturnType<typeof startNode>>, recipient: string) =>
  local.api.updateOwned({ kind: 'Node', name: 'local' }, (spec) => ({ ...spec, recipient }))

test('pins its key when it is first heard of, and goes by it', async () => {
  const local = await startNode()
  local.start()
  await verified(local, 'True')
  const node = (await local.node()) as Node
  assert.is(node.spec?.recipient, 'age1own')
  assert.is(node.status?.recipient, 'age1own')
  assert.equal(node.status?.conditions?.map((one) => `${one.type}=${one.status}`).sort(), [
    'IdentityVerified=True',
    'Ready=True',
  ])
  local.stop()
  await until(() => local.end() !== undefined)
  assert.is((await local.node())?.status?.recipient, 'age1own')
})

test('a node that has another key than the one that is pinned says so and changes nothing, until it is trusted', async () => {
  const local = await startNode()
  await local.api.ensure({
    ...{ apiVersion: 'nsctl.dev/v1alpha1', kind: 'Node', metadata: { name: 'local' } },
    spec: { recipient: 'age1old' },
  } as never)
  local.start()
  assert.is(
    await verified(local, 'False'),
    'its key is age1own, but age1old is pinned: it cannot open what is sealed for it. If this is the same machine, set up anew: nsctl node trust local',
  )
  assert.is((await local.node())?.spec?.recipient, 'age1old')
  assert.is((await local.node())?.status?.recipient, 'age1own')
  assert.is((await local.node())?.status?.phase, 'Ready')
  assert.is(local.logger.lines.length, 1, 'said once')
  await pin(local, 'age1own')
  await verified(local, 'True')
  await pin(local, 'age1new')
  await verified(local, 'False')
  local.stop()
  await until(() => local.end() !== undefined)
})

test('goes by the pinned one of several keys', async () => {
  const local = await startNode()
  local.seal.own = ['age1host', 'age1own']
  local.start()
  await verified(local, 'True')
  assert.is((await local.node())?.spec?.recipient, 'age1host')
  await pin(local, 'age1own')
  await until(async () => {
    local.clock.advance(5_000)
    return (await local.node())?.status?.recipient === 'age1own'
  })
  await verified(local, 'True')
  local.stop()
  await until(() => local.end() !== undefined)
})

test('a node without a key runs, says why, and has one as soon as it can be read', async () => {
  const local = await startNode()
  local.seal.fault = new NsctlError('NotFound', 'its key cannot be used: others may read it')
  local.start()
  assert.is(await verified(local, 'False'), 'its key cannot be used: others may read it')
  assert.is((await local.node())?.status?.phase, 'Ready')
  assert.is((await local.node())?.spec?.recipient, undefined)
  local.seal.fault = undefined
  await verified(local, 'True')
  assert.is((await local.node())?.spec?.recipient, 'age1own')
  local.stop()
  await until(() => local.end() !== undefined)
})

test('says what it has, what of it may be asked for, where it is reached, and labels itself beside what people put on it', async () => {
  const local = await startNode()
  const labels = { zone: 'a', 'kubernetes.io/os': 'mine' }
  await local.api.ensure({
    ...{ apiVersion: 'nsctl.dev/v1alpha1', kind: 'Node', metadata: { name: 'local', labels } },
    spec: {},
  } as never)
  local.start()
  await until(async () => (await local.node())?.status?.phase === 'Ready')
  const { status, metadata } = (await local.node()) as Node
  const millis = (text: string | undefined) => parseCpuMillis(text ?? '')
  assert.is(millis(status?.capacity?.cpu) - millis(status?.allocatable?.cpu), 500)
  assert.is(status?.allocatable?.memory, status?.capacity?.memory)
  assert.equal(status?.addresses, ['10.0.0.7'])
  assert.is(metadata.labels?.zone, 'a')
  assert.is(metadata.labels?.['kubernetes.io/os'], process.platform)
  assert.is(metadata.labels?.['kubernetes.io/hostname'], 'local')
  local.stop()
  await until(() => local.end() !== undefined)
})

const NODE = { kind: 'Node', name: 'local' } as const
const readyOf = async (local: Awaited<ReturnType<typeof startNode>>) =>
  findCondition((await local.node())?.status?.conditions, 'Ready')?.reason

test('leaves to the control plane what that has said of its silence', async () => {
  const local = await startNode()
  local.start()
  await until(async () => (await local.node())?.status?.phase === 'Ready')
  const lost = { type: 'Ready', status: 'Unknown', reason: 'NodeLost' } as const
  await local.api.amendStatus(NODE, (status) => ({
    ...(status as JsonObject),
    phase: 'NotReady',
    conditions: setConditions(undefined, [lost], '2026-01-01T00:00:00Z') as never,
  }))
  local.setInstances(4)
  await until(async () => {
    local.clock.advance(5_000)
    return (await local.node())?.status?.instances === 4
  })
  assert.equal([(await local.node())?.status?.phase, await readyOf(local)], ['NotReady', 'NodeLost'])
  local.stop()
  await until(() => local.end() !== undefined)
  assert.is(await readyOf(local), 'AgentStopped')
})

test('writes nothing while it may be taken for lost, and nothing for what has not changed', async () => {
  const local = await startNode()
  local.start()
  await until(async () => (await local.node())?.status?.phase === 'Ready')
  local.setHeld(false)
  local.setInstances(5)
  const before = (await local.node())?.metadata.resourceVersion
  for (let i = 0; i < 20; i++) {
    local.clock.advance(5_000)
    await turn()
  }
  assert.is((await local.node())?.metadata.resourceVersion, before)
  local.setHeld(true)
  await until(async () => {
    local.clock.advance(5_000)
    return (await local.node())?.status?.instances === 5
  })
  const after = (await local.node())?.metadata.resourceVersion
  for (let i = 0; i < 40; i++) {
    local.clock.advance(5_000)
    await turn()
  }
  assert.is((await local.node())?.metadata.resourceVersion, after)
  local.stop()
  await until(() => local.end() !== undefined)
})

test('goes on with what was said of it where it may write its status alone', async () => {
  const local = await startNode()
  await local.api.ensure({
    ...{ apiVersion: 'nsctl.dev/v1alpha1', kind: 'Node', metadata: { name: 'local', labels: { zone: 'a' } } },
    spec: { recipient: 'age1own' },
  } as never)
  local.trouble.mayNotRegister = true
  local.start()
  await until(async () => (await local.node())?.status?.phase === 'Ready')
  assert.equal((await local.node())?.metadata.labels, { zone: 'a' })
  assert.equal(local.logger.messages('warn', 'error'), [])
  local.stop()
  await until(() => local.end() !== undefined)
})

test('is there again under its labels after somebody has deleted it', async () => {
  const local = await startNode()
  local.start()
  await until(async () => (await local.node())?.status?.phase === 'Ready')
  await local.api.requestDelete(NODE)
  await local.api.removeFinalizer(NODE, FINALIZERS.node)
  assert.is(await local.node(), undefined)
  await until(async () => {
    local.clock.advance(10_000)
    return (await local.node())?.status?.phase === 'Ready'
  })
  assert.is((await local.node())?.spec?.recipient, 'age1own')
  assert.is((await local.node())?.metadata.labels?.['kubernetes.io/hostname'], 'local')
  local.stop()
  await until(() => local.end() !== undefined)
})

test('says as conditions what presses it', async () => {
  const local = await startNode()
  local.press([{ type: 'MemoryPressure', status: 'True', reason: 'MemoryShort', message: 'x' }])
  local.start()
  await until(async () => {
    local.clock.advance(5_000)
    return findCondition((await local.node())?.status?.conditions, 'MemoryPressure')?.status === 'True'
  })
  local.stop()
  await until(() => local.end() !== undefined)
})

test('says where its metrics are as long as they are there', async () => {
  const listening = Promise.withResolvers<string>()
  const local = await startNode(listening.promise)
  local.start()
  await turn()
  assert.is(await local.node(), undefined, 'one write says all of it')
  listening.resolve('http://127.0.0.1:9464/metrics')
  await until(async () => (await local.node())?.status?.metricsUrl === 'http://127.0.0.1:9464/metrics')
  local.stop()
  await until(async () => (await local.node())?.status?.phase === 'NotReady')
  assert.is((await local.node())?.status?.metricsUrl, undefined)
})

test('ends where its metrics never come to be served', async () => {
  const local = await startNode(new Promise(() => {}))
  local.start()
  await turn()
  local.stop()
  await until(() => local.end() !== undefined)
  assert.equal(local.end(), {})
})

test.run()
