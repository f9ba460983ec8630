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
async function startNode() {
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

test.run()
