import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeRegistration } from '../../src/agent/node.ts'
import { openApi } from '../../src/api/open.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { type ErrorCode, isNsctlError, NsctlError } from '../../src/core/errors.ts'
import { randomIds } from '../../src/core/ids.ts'
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
  const trouble: { code: ErrorCode | undefined } = { code: undefined }
  const logger = new RecordingLogger()
  const seal = new FakeSeal()
  const fail = () => {
    if (trouble.code !== undefined) throw new NsctlError(trouble.code, 'no write goes through')
  }
  let instances = 0
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
        return await api.ensure(object)
      },
      async updateStatus(ref, status) {
        fail()
        await api.updateStatus(ref, status)
      },
    },
    runtime: { description: 'fake', cannot: ['network'] },
    version: '1.2.3',
    seal,
    clock,
    logger,
    countInstances: () => instances,
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
