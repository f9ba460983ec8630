import { chmod, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Logger } from '../../../src/core/logger.ts'
import { findCondition } from '../../../src/resources/conditions.ts'
import type { Delivery, Recipient, SecretStatus } from '../../../src/resources/generated/types.ts'
import { deliveryName } from '../../../src/resources/materials.ts'
import { openDelivery } from '../../../src/secrets/delivery.ts'
import { identityText, newIdentity } from '../../../src/secrets/identity.ts'
import { configOf, running, type Stage, secretOf, settle, startStage } from '../stage.ts'

const said: string[] = []
const logger: Logger = {
  log: (level, message, fields) => void said.push(`${level} ${message} ${inspect(fields, { depth: 9 })}`),
  with: () => logger,
}
const test = suite<{ stage: Stage }>('delivery')
test.before.each(async (context) => {
  said.length = 0
  context.stage = await startStage(logger)
})
test.after.each(async ({ stage }) => stage.stop())

const password = { env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }] }
const settings = { configs: [{ name: 'settings' }] }
const recipientRef = { kind: 'Recipient', name: 'control-plane' } as const

function place({ spec }: Delivery) {
  return { namespace: 'default', name: spec.source.name, version: spec.version, node: spec.node }
}

async function opened(stage: Stage, delivery: Delivery): Promise<Record<string, string>> {
  const values = await openDelivery(delivery.spec.sealed ?? '', place(delivery), [stage.nodeIdentity])
  return Object.fromEntries([...values].map(([key, value]) => [key, Buffer.from(value).toString()]))
}

/** Settled, with all that its instances name where they are: these agents wait for none of it. */
async function settleWhole(stage: Stage): Promise<void> {
  await settle(stage)
  await stage.until(async () => {
    const there = new Set((await stage.deliveries()).map(({ metadata }) => metadata.name))
    for (const { spec } of await stage.instances())
      for (const one of spec.materials ?? []) assert.ok(there.has(deliveryName(one, spec.node)))
  })
}

async function conditionIs(stage: Stage, type: string, reason: string): Promise<SecretStatus> {
  return await stage.until(async () => {
    const { status } = await secretOf(stage)
    const condition = findCondition(status?.conditions, type)
    assert.is(condition?.reason, reason, condition?.message)
    return status as SecretStatus
  })
}

test('makes an identity once, for its user alone, and tells everybody whom to seal to', async ({ stage }) => {
  const recipient = await stage.until(async () => {
    const found = await stage.api.get<Recipient>(recipientRef)
    assert.ok(found)
    return found
  })
  assert.is(recipient.spec.role, 'ControlPlane')
  assert.is((await stat(stage.identityPath)).mode & 0o777, 0o600)
  const text = await readFile(stage.identityPath, 'utf8')
  assert.match(text, recipient.spec.key)
  await stage.restart()
  await stage.secret({ password: 'one' })
  await conditionIs(stage, 'Openable', 'Opens')
  assert.is(await readFile(stage.identityPath, 'utf8'), text)
  assert.is((await stage.api.get(recipientRef))?.metadata.uid, recipient.metadata.uid)
})

test('a start that was killed between the identity and its Recipient is finished', async ({ stage }) => {
  const before = await stage.until(async () => {
    const found = await stage.api.get<Recipient>(recipientRef)
    assert.ok(found)
    return found
  })
  await stage.restart(async () => {
    await stage.api.delete(recipientRef, { actor: { name: 'test' } })
  })
  await stage.until(async () =>
    assert.is((await stage.api.get<Recipient>(recipientRef))?.spec.key, before.spec.key),
  )
})

test('seals a Secret for the node that needs it, and for no other', async ({ stage }) => {
  const beta = await newIdentity()
  await stage.node('beta', { pinned: beta.recipient, reported: beta.recipient })
  const cordoned = { spec: { unschedulable: true } }
  await stage.api.patch({ kind: 'Node', name: 'beta' }, 'merge', cordoned, { actor: { name: 'test' } })
  await stage.secret({ password: 'hunter2', unused: 'x' })
  await stage.service(password)
  await settleWhole(stage)
  const [delivery, ...others] = await stage.deliveries()
  assert.ok(delivery)
  assert.equal(others, [])
  const [instance] = await stage.instances()
  const [material] = instance?.spec.materials ?? []
  assert.ok(material)
  assert.is(delivery.metadata.name, deliveryName(material, 'alpha'))
  assert.equal(await opened(stage, delivery), { password: 'hunter2', unused: 'x' })
  await openDelivery(delivery.spec.sealed ?? '', place(delivery), [beta]).then(
    () => assert.unreachable(),
    () => undefined,
  )
  const status = await conditionIs(stage, 'Delivered', 'Delivered')
  const { version, keyNames, nodes, usedBy, source, summary } = status
  assert.equal(
    { version, keyNames, nodes, usedBy, source, summary },
    {
      version: material.version,
      keyNames: 'password,unused',
      nodes: 'alpha',
      usedBy: 'web',
      source: 'sealed',
      summary: undefined,
    },
  )
})

test('gives a Config as it stands, data and files in one', async ({ stage }) => {
  await stage.config({ level: 'debug' })
  await stage.service(settings, { replicas: 2 })
  await settleWhole(stage)
  const deliveries = await stage.deliveries()
  assert.equal(
    deliveries.map(({ spec }) => [spec.node, spec.source, spec.values]),
    [['alpha', { kind: 'Config', name: 'settings' }, { level: 'debug' }]],
  )
  await stage.until(async () => {
    const { status } = await configOf(stage)
    assert.equal([status?.keys, status?.usedBy, status?.version], [1, 'web', deliveries[0]?.spec.version])
  })
})

test('takes away what nobody needs any more, and not before', async ({ stage }) => {
  await stage.secret({ password: 'one' })
  await stage.config({ a: '1' })
  await stage.service({ ...password, ...settings })
  await settleWhole(stage)
  const first = new Set((await stage.deliveries()).map(({ metadata }) => metadata.name))
  // an instance that is told to go still runs
  stage.behave((one) =>
    one.metadata.deletionTimestamp === undefined ? running(one) : { phase: 'Running', ready: true },
  )
  await stage.secret({ password: 'two' })
  await settleWhole(stage)
  await stage.until(async () => {
    const now = (await stage.deliveries()).map(({ metadata }) => metadata.name)
    assert.is(now.length, 2)
    assert.is(now.filter((name) => first.has(name)).length, 1, 'the Config has not changed')
  })
  await stage.api.delete({ kind: 'Service', namespace: 'default', name: 'web' }, { actor: { name: 'test' } })
  await stage.until(async () => assert.equal(await stage.deliveries(), []))
  const status = await conditionIs(stage, 'Delivered', 'NotNeeded')
  assert.equal([status.nodes, status.usedBy], [undefined, undefined])
})

test('what is damaged can be deleted, and is made anew', async ({ stage }) => {
  await stage.secret({ password: 'one' })
  await stage.service(password)
  await settleWhole(stage)
  const [before] = await stage.deliveries()
  assert.ok(before)
  const ref = { kind: 'Delivery', namespace: 'default', name: before.metadata.name }
  await stage.api.updateOwned(ref, (spec) => ({ ...spec, sealed: 'nonsense' }))
  await stage.api.updateStatus(ref, { phase: 'Failed', message: 'it is no age file' })
  const { summary } = await conditionIs(stage, 'Delivered', 'NotOpened')
  assert.is(summary, 'node/alpha: it is no age file')
  await stage.api.delete(ref, { actor: { name: 'test' } })
  await conditionIs(stage, 'Delivered', 'Delivered')
  const [after] = await stage.deliveries()
  assert.equal(await opened(stage, after as Delivery), { password: 'one' })
})

test('once all is as it should be nothing is written any more', async ({ stage }) => {
  await stage.secret({ password: 'one' })
  await stage.config({ a: '1' })
  await stage.service({ ...password, ...settings }, { replicas: 2 })
  await settleWhole(stage)
  await conditionIs(stage, 'Delivered', 'Delivered')
  const revisionNow = async () => (await stage.api.listAll(stage.api.kinds.all())).revision
  let revision = await revisionNow()
  await stage.until(async () => {
    const before = revision
    await new Promise((resolve) => setTimeout(resolve, 250))
    revision = await revisionNow()
    assert.is(revision, before)
  })
  await stage.restart()
  await new Promise((resolve) => setTimeout(resolve, 250))
  assert.is(await revisionNow(), revision, 'nor by controllers that come later')
})

test('a node with another key than is pinned gets nothing until an operator trusts it', async ({ stage }) => {
  const other = await newIdentity()
  await stage.node('alpha', { pinned: stage.nodeIdentity.recipient, reported: other.recipient })
  await stage.secret({ password: 'hunter2' })
  await stage.service(password)
  const status = await conditionIs(stage, 'Delivered', 'NodeNotTrusted')
  assert.match(status.summary ?? '', 'nsctl node trust alpha')
  assert.equal(await stage.deliveries(), [])
  assert.ok((await stage.events()).some((event) => event.startsWith('NodeNotTrusted: node/alpha')))
  await stage.node('alpha', { pinned: other.recipient, reported: other.recipient })
  await conditionIs(stage, 'Delivered', 'Delivered')
  const [delivery] = await stage.deliveries()
  assert.is(delivery?.spec.recipient, other.recipient)
})

test('what a node has is sealed anew to a key that is trusted later', async ({ stage }) => {
  await stage.secret({ password: 'hunter2' })
  await stage.service(password)
  await settleWhole(stage)
  const other = await newIdentity()
  await stage.node('alpha', { pinned: other.recipient, reported: other.recipient })
  const delivery = await stage.until(async () => {
    const [one] = await stage.deliveries()
    assert.is(one?.spec.recipient, other.recipient)
    return one as Delivery
  })
  assert.ok(await openDelivery(delivery.spec.sealed ?? '', place(delivery), [other]))
})

for (const c of [
  {
    name: 'another identity than Secrets are sealed to',
    reason: 'IdentityForeign',
    break: async (path: string) => writeFile(path, identityText(await newIdentity())),
    message: /another control plane .* nsctl secret rekey --all/,
  },
  {
    name: 'no identity any more',
    reason: 'IdentityMissing',
    break: (path: string) => rename(path, `${path}.lost`),
    message: /no identity at .* nsctl secret identity import FILE --control-plane/,
  },
  {
    name: 'an identity that others can read',
    reason: 'IdentityUnusable',
    break: (path: string) => chmod(path, 0o644),
    message: /others than its owner/,
  },
])
  test(`${c.name} opens nothing, says so, and stops nothing else`, async ({ stage }) => {
    await stage.secret({ password: 'hunter2' })
    await stage.config({ a: '1' })
    const kept = await readFile(stage.identityPath, 'utf8')
    await stage.restart(() => c.break(stage.identityPath))
    await stage.service(password)
    await stage.service(settings, {}, 'other')
    await settle(stage, 'other')
    const { summary } = await conditionIs(stage, 'Openable', c.reason)
    assert.match(summary ?? '', c.message)
    const delivered = await conditionIs(stage, 'Delivered', c.reason)
    assert.ok(delivered)
    assert.equal(
      (await stage.deliveries()).map(({ spec }) => spec.source.kind),
      ['Config'],
    )
    assert.ok(said.some((line) => line.startsWith('error no Secret can be opened')))
    assert.ok((await stage.events()).some((event) => event.startsWith(c.reason)))
    assert.is(said.filter((line) => line.startsWith('error no Secret')).length, 1, 'once')
    // brought back, it is found without a restart
    await writeFile(stage.identityPath, kept)
    await chmod(stage.identityPath, 0o600)
    await stage.until(async () => assert.is((await stage.deliveries()).length, 2))
    await conditionIs(stage, 'Openable', 'Opens')
  })

test('ciphertext of another place is not given to anybody', async ({ stage }) => {
  await stage.secret({ password: 'hunter2' }, { name: 'other' })
  const { spec } = await secretOf(stage, 'other')
  const object = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Secret', metadata: { name: 'db' }, spec }
  await stage.api.apply([{ object, source: 'test' }], { actor: { name: 'test' } })
  await stage.service(password)
  const status = await conditionIs(stage, 'Openable', 'CannotOpen')
  assert.match(status.summary ?? '', 'the value password of Secret default/db was moved')
  await conditionIs(stage, 'Delivered', 'CannotOpen')
  assert.equal(await stage.deliveries(), [])
})

test('a Secret that is not sealed to the control plane says how to change that', async ({ stage }) => {
  await stage.secret({ password: 'hunter2' })
  const { spec } = await secretOf(stage)
  const other = await newIdentity()
  const object = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Secret',
    metadata: { name: 'db' },
    spec: { ...spec, recipients: [other.recipient] },
  }
  await stage.api.apply([{ object, source: 'test' }], { actor: { name: 'test' } })
  const status = await conditionIs(stage, 'Openable', 'NotARecipient')
  assert.match(status.summary ?? '', 'nsctl secret rekey db -n default')
})

test('a version that was taken back is found in the revisions', async ({ stage }) => {
  await stage.secret({ password: 'one' })
  await stage.service(password)
  await settleWhole(stage)
  const [good] = (await stage.instances()).map(({ spec }) => spec.materials?.[0]?.version)
  // the new one never comes up, and the good one's Instance is made anew after its Delivery is gone
  stage.behave((one) =>
    one.spec.materials?.[0]?.version === good
      ? running(one)
      : { phase: 'Failed', message: 'wrong password', materials: one.spec.materials as never },
  )
  await stage.secret({ password: 'two' })
  await stage.until(async () => {
    const { status } = await stage.services()
    assert.is(findCondition(status?.conditions, 'Degraded')?.reason, 'RolledBack')
    assert.is((await stage.instances()).length, 1)
  })
  await stage.api.scale({ kind: 'Service', namespace: 'default', name: 'web' }, 0, {
    actor: { name: 'test' },
  })
  await stage.until(async () => assert.equal(await stage.deliveries(), []))
  await stage.api.scale({ kind: 'Service', namespace: 'default', name: 'web' }, 2, {
    actor: { name: 'test' },
  })
  await stage.until(async () => {
    const materials = (await stage.instances()).map(({ spec }) => spec.materials?.[0]?.version)
    assert.equal(materials, [good, good])
    const deliveries = await stage.deliveries()
    assert.is(deliveries.length, 1)
    assert.equal(await opened(stage, deliveries[0] as Delivery), { password: 'one' })
  })
})

test('says so where a version is kept nowhere any more', async ({ stage }) => {
  await stage.secret({ password: 'one' })
  await stage.service(password)
  await settleWhole(stage)
  const [instance] = await stage.instances()
  assert.ok(instance)
  const { name, namespace } = instance.metadata
  const materials = [{ kind: 'Secret', name: 'db', version: 'zzzzzzzzzz' }]
  await stage.restart(() =>
    stage.api.updateOwned({ kind: 'Instance', name, namespace }, (spec) => ({
      ...spec,
      templateHash: 'another',
      materials,
    })),
  )
  const status = await conditionIs(stage, 'Delivered', 'VersionLost')
  assert.match(status.summary ?? '', 'version zzzzzzzzzz is not kept any more')
})

test('no value, and nothing of an identity, is in what is stored, logged or told', async ({ stage }) => {
  await stage.secret({ password: 'planted-hunter2' })
  await stage.service(password)
  await settleWhole(stage)
  await stage.secret({ password: 'planted-second' })
  await settleWhole(stage)
  const kinds = stage.api.kinds.all()
  const { lists } = await stage.api.listAll(kinds)
  const identity = (await readFile(stage.identityPath, 'utf8')).split('\n')[1] as string
  const all = JSON.stringify([lists, said, await stage.api.audit()])
  assert.ok(all.includes('AGE ENCRYPTED'))
  assert.not.match(all, 'planted')
  assert.not.match(all, Buffer.from('planted').toString('base64').slice(0, 8))
  assert.not.match(all, identity)
})

test.run()
