import { renameSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Config, Instance } from '../../../src/resources/generated/types.ts'
import { newIdentity } from '../../../src/secrets/identity.ts'
import { running, type Stage, secretOf, settle, startStage } from '../stage.ts'

const test = suite<{ stage: Stage }>('service materials')
test.before.each(async (context) => {
  context.stage = await startStage()
})
test.after.each(async ({ stage }) => stage.stop())

const password = { env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }] }
const files = (onChange: string) => ({ configs: [{ name: 'settings', onChange }] })
const uids = async (stage: Stage) => (await stage.instances()).map(({ metadata }) => metadata.uid).sort()
const conditionOf = async (stage: Stage, type: string) =>
  (await stage.services()).status?.conditions?.find((one) => one.type === type)

async function summaryIs(stage: Stage, summary: string | undefined): Promise<void> {
  await stage.until(async () => assert.is((await stage.services()).status?.summary, summary))
}

test('waits for what is missing, says what it is, and starts once it is there', async ({ stage }) => {
  await stage.service(password)
  await summaryIs(stage, 'Blocked: waits for secret/db')
  assert.is((await conditionOf(stage, 'Progressing'))?.message, 'waits for secret/db')
  await stage.secret({ user: 'app' })
  await summaryIs(stage, 'Blocked: waits for secret/db (key password)')
  assert.equal(await stage.instances(), [])
  await stage.secret({ user: 'app', password: 'hunter2' })
  await settle(stage)
  await summaryIs(stage, undefined)
  const [instance] = await stage.instances()
  // another controller says it
  await stage.until(async () => {
    const { version } = (await secretOf(stage)).status ?? {}
    assert.equal(instance?.spec.materials, [{ kind: 'Secret', name: 'db', version }])
  })
})

test('what is taken away during a rollout by steps takes nothing of what serves', async ({ stage }) => {
  const update = { strategy: 'BlueGreen', blueGreen: { autoPromotionEnabled: false } }
  await stage.service({}, { replicas: 2, update })
  const { status } = await settle(stage)
  await stage.secret({ password: 'one' })
  await stage.service(password, { replicas: 2, update })
  await stage.until(async () => assert.is((await stage.services()).status?.rollout?.step, 1))
  await stage.api.delete({ kind: 'Secret', namespace: 'default', name: 'db' }, { actor: { name: 'test' } })
  await summaryIs(stage, 'Blocked: waits for secret/db')
  const serving = async () =>
    (await stage.instances()).filter(
      (one) => one.spec.templateHash === status?.stableHash && one.metadata.deletionTimestamp === undefined,
    )
  assert.is((await serving()).length, 2)
  assert.equal((await stage.services()).status?.traffic, [{ hash: status?.stableHash, weight: 100 }])
})

test('starts without what is optional, and anew once it comes', async ({ stage }) => {
  const env = [{ name: 'A', valueFrom: { configKeyRef: { name: 'settings', key: 'level', optional: true } } }]
  await stage.service({ env })
  await settle(stage)
  const [before] = await uids(stage)
  await stage.config({ level: 'debug' })
  await stage.until(async () => assert.not.equal(await uids(stage), [before]))
  await settle(stage)
})

test('a change of what it names is rolled out, and one of what it does not name is none', async ({
  stage,
}) => {
  await stage.secret({ password: 'one' })
  await stage.service(password, { replicas: 2 })
  const { status } = await settle(stage)
  const before = await uids(stage)
  await stage.secret({ password: 'x' }, { name: 'other' })
  await stage.secret({ password: 'two' })
  await stage.until(async () =>
    assert.ok((await stage.services()).status?.currentHash !== status?.currentHash),
  )
  await settle(stage)
  assert.not((await uids(stage)).some((uid) => before.includes(uid)))
  assert.is((await stage.services()).status?.revisionName, 'r1', 'the Service itself has not changed')
  const told = (await stage.events()).filter((event) => event.startsWith('RolledOut'))
  assert.is(told.filter((event) => event.endsWith(', with what is new in secret/db')).length, 1)
  assert.is(told.length, 2)
})

test('sealing the same values to others restarts nothing', async ({ stage }) => {
  await stage.secret({ password: 'one' })
  await stage.service(password)
  const { status } = await settle(stage)
  const before = await uids(stage)
  const { spec, metadata } = await secretOf(stage)
  const versions = Object.fromEntries(
    Object.entries(spec.sealed ?? {}).map(([key, { version }]) => [key, version]),
  )
  await stage.secret({ password: 'one' }, { versions })
  await stage.until(async () => {
    const now = await secretOf(stage)
    assert.is(now.status?.observedGeneration, (metadata.generation ?? 0) + 1)
    assert.not.equal(now.spec.sealed, spec.sealed)
  })
  await stage.config({ wakes: 'nobody' })
  await stage.restart()
  await settle(stage)
  assert.equal(await uids(stage), before)
  assert.is((await stage.services()).status?.currentHash, status?.currentHash)
})

test('what runs stays while something is missing, and what is too much goes', async ({ stage }) => {
  await stage.secret({ password: 'one' })
  await stage.service(password, { replicas: 3, update: { maxUnavailable: 3 } })
  await settle(stage)
  const before = await uids(stage)
  // these agents wait for none
  await stage.until(async () => assert.is((await stage.deliveries()).length, 1))
  await stage.api.delete({ kind: 'Secret', namespace: 'default', name: 'db' }, { actor: { name: 'test' } })
  await summaryIs(stage, 'Blocked: waits for secret/db')
  assert.equal(await uids(stage), before)
  await stage.service(password, { replicas: 2, update: { maxUnavailable: 3 } })
  await stage.until(async () => assert.is((await stage.instances()).length, 2))
  assert.is((await stage.deliveries()).length, 1, 'they keep what they run with')
})

for (const [name, over] of [
  ['Recreate', { update: { strategy: 'Recreate', progressDeadline: '100ms' } }],
  [
    'instances with data',
    { storage: [{ name: 'data', path: '/srv/data' }], update: { progressDeadline: '100ms' } },
  ],
  ['Rolling', { replicas: 2, update: { progressDeadline: '100ms' } }],
] as const) {
  test(`a new value that nobody here can open ends nothing, and comes once it can: ${name}`, async ({
    stage,
  }) => {
    await stage.secret({ password: 'one' })
    await stage.service(password, over)
    await settle(stage)
    const before = await uids(stage)
    const away = `${stage.identityPath}.away`
    await stage.restart(async () => renameSync(stage.identityPath, away))
    await stage.secret({ password: 'two' })
    const blocked = /^Blocked: waits for secret\/db: the control plane has no identity at .*--control-plane$/
    await stage.until(async () => assert.match((await stage.services()).status?.summary ?? '', blocked))
    await wait(300)
    assert.equal(await uids(stage), before)
    renameSync(away, stage.identityPath)
    await settle(stage)
    assert.not((await uids(stage)).some((uid) => before.includes(uid)))
    assert.is((await stage.services()).status?.failedHash, undefined)
  })

  test(`a new value ends nothing while the node has another key than is pinned: ${name}`, async ({
    stage,
  }) => {
    await stage.secret({ password: 'one' })
    await stage.service(password, over)
    await settle(stage)
    const before = await uids(stage)
    const key = (await newIdentity()).recipient
    await stage.node('alpha', { pinned: stage.nodeIdentity.recipient, reported: key })
    await stage.secret({ password: 'two' })
    await stage.until(async () =>
      assert.match((await stage.services()).status?.summary ?? '', /^Blocked: .*nsctl node trust alpha$/),
    )
    assert.equal(await uids(stage), before)
    await stage.node('alpha', {
      pinned: stage.nodeIdentity.recipient,
      reported: stage.nodeIdentity.recipient,
    })
    await settle(stage)
    assert.not((await uids(stage)).some((uid) => before.includes(uid)))
  })
}

test('what is only read again reaches running instances one after the other', async ({ stage }) => {
  await stage.config({ a: '1' })
  await stage.service(files('reload'), { replicas: 3 })
  const { status } = await settle(stage)
  const before = await uids(stage)
  const at: string[] = []
  let atOnce = 0
  stage.behave(
    slowly(at, (count) => {
      atOnce = Math.max(atOnce, count)
    }),
  )
  await stage.config({ a: '2' })
  await stage.until(async () => assert.is((await conditionOf(stage, 'Progressing'))?.reason, 'Reloading'))
  await settle(stage)
  assert.equal(await uids(stage), before)
  assert.equal(at, ['2', '1', '0'])
  assert.is(atOnce, 1)
  const after = (await stage.services()).status
  assert.is(after?.currentHash, status?.currentHash)
  assert.equal(after?.stableMaterials, (await stage.instances())[0]?.spec.materials)
  assert.not.equal(after?.stableMaterials, status?.stableMaterials)
  const reloaded = 'Reloaded: all instances have what is new in config/settings'
  await stage.until(async () =>
    assert.equal((await stage.events()).filter((one) => one === reloaded).length, 1),
  )
})

test('controllers that are ended in the middle of it are followed by some that finish it', async ({
  stage,
}) => {
  await stage.config({ a: '1' })
  await stage.service(files('reload'), { replicas: 4 })
  await settle(stage)
  const before = await uids(stage)
  let atOnce = 0
  stage.behave(
    slowly([], (busy) => {
      atOnce = Math.max(atOnce, busy)
    }),
  )
  await stage.config({ a: '2' })
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 25))
    await stage.restart()
  }
  await stage.until(async () => assert.is((await conditionOf(stage, 'Progressing'))?.reason, 'Complete'))
  await stage.until(async () => {
    const versions = (await stage.instances()).map(({ status }) => status?.materials?.[0]?.version)
    assert.equal([...new Set(versions)], [(await stage.get<Config>('Config', 'settings'))?.status?.version])
    assert.is((await stage.deliveries()).length, 1)
  })
  assert.is(atOnce, 1)
  assert.equal(await uids(stage), before)
})

test('a second change while the first is under way is what all come to', async ({ stage }) => {
  await stage.config({ a: '1' })
  await stage.service(files('none'), { replicas: 3 })
  await settle(stage)
  const before = await uids(stage)
  stage.behave(slowly([], () => {}))
  await stage.config({ a: '2' })
  await stage.until(async () => assert.ok((await stage.deliveries()).length > 1))
  await stage.config({ a: '3' })
  await stage.until(async () => {
    const versions = (await stage.instances()).map(({ status }) => status?.materials?.[0]?.version)
    assert.equal([...new Set(versions)], [(await stage.get<Config>('Config', 'settings'))?.status?.version])
    assert.is((await stage.deliveries()).length, 1)
  })
  await settle(stage)
  assert.equal(await uids(stage), before)
})

/** An agent that needs a moment for what it is told, and counts how many need one at once. */
function slowly(order: string[], count: (busy: number) => void) {
  const busyUntil = new Map<string, number>()
  return (one: Instance) => {
    const { name } = one.metadata
    if (one.status?.materials?.[0]?.version === one.spec.materials?.[0]?.version) return running(one)
    if (!busyUntil.has(name)) {
      busyUntil.set(name, Date.now() + 40)
      order.push(String(one.spec.ordinal))
    }
    const busy = [...busyUntil.values()].filter((until) => until > Date.now()).length
    count(busy)
    return Date.now() < (busyUntil.get(name) ?? 0) ? { ...one.status } : running(one)
  }
}

test.run()
