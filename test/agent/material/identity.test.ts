import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeSeal } from '../../../src/agent/material/identity.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { sealDelivery } from '../../../src/secrets/delivery.ts'
import { makeIdentityFile } from '../../../src/secrets/identity.ts'
import { RecordingLogger } from '../../engine/harness.ts'

interface Context {
  dir: string
  hostKeyFile: string
  ownFile: string
  logger: RecordingLogger
}

const test = suite<Context>("the node's key")
test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'nsctl-node-key-'))
  context.hostKeyFile = join(context.dir, 'host-key')
  context.ownFile = join(context.dir, 'state', 'node-identity')
  context.logger = new RecordingLogger()
})
test.after.each(async ({ dir }) => rm(dir, { recursive: true, force: true }))

const place = { namespace: 'default', name: 'db', version: 'v1', node: 'local' }
const values = new Map([['password', Buffer.from('hunter2')]])

test('a machine with a host key goes by that, and makes no other', async (context) => {
  // what it is in is the business of its reader; here an identity of age stands for it
  const host = await makeIdentityFile(context.hostKeyFile)
  const seal = nodeSeal(context)
  assert.equal(await seal.recipients(), [host.recipient])
  assert.ok(
    await stat(context.ownFile).then(
      () => false,
      () => true,
    ),
  )
  const opened = await seal.openDelivery(await sealDelivery(values, place, host.recipient), place)
  assert.is(Buffer.from(opened.get('password') ?? []).toString(), 'hunter2')
})

test('a machine without one makes its own, for itself alone, and has the same the next time', async (context) => {
  const first = await nodeSeal(context).recipients()
  assert.is(first.length, 1)
  assert.is((await stat(context.ownFile)).mode & 0o777, 0o600)
  assert.equal(await nodeSeal({ ...context, hostKeyFile: undefined }).recipients(), first)
  assert.equal(context.logger.lines, [])
})

test('a host key that comes later is the first, and what is sealed to the one before still opens', async (context) => {
  const [own = ''] = await nodeSeal(context).recipients()
  const host = await makeIdentityFile(context.hostKeyFile)
  const seal = nodeSeal(context)
  assert.equal(await seal.recipients(), [host.recipient, own])
  for (const recipient of [own, host.recipient])
    assert.is((await seal.openDelivery(await sealDelivery(values, place, recipient), place)).size, 1)
})

for (const [name, text, mode] of [
  ['that is no key', 'nothing of the kind', 0o600],
  ['that others can read', '', 0o644],
] as const)
  test(`a host key ${name} is said and left alone`, async (context) => {
    if (text !== '') await writeFile(context.hostKeyFile, text)
    else await makeIdentityFile(context.hostKeyFile)
    await chmod(context.hostKeyFile, mode)
    assert.is((await nodeSeal(context).recipients()).length, 1)
    assert.match(JSON.stringify(context.logger.lines), 'cannot use the ssh host key')
    assert.not.match(JSON.stringify(context.logger.lines), 'nothing of the kind')
  })

test('its own key that is spoiled is an error that is tried again', async (context) => {
  await nodeSeal(context).recipients()
  await chmod(context.ownFile, 0o644)
  const seal = nodeSeal(context)
  const error = await seal.recipients().catch((thrown) => thrown)
  assert.ok(isNsctlError(error, 'NotFound'))
  assert.match(error.message, context.ownFile)
  await chmod(context.ownFile, 0o600)
  assert.is((await seal.recipients()).length, 1)
})

test('what it seals for itself it opens, and nobody else does', async (context) => {
  const seal = nodeSeal(context)
  const sealed = await seal.seal(Buffer.from('kept'))
  assert.not.match(sealed, 'kept')
  assert.is(Buffer.from(await seal.open(sealed)).toString(), 'kept')
  const other = nodeSeal({ ...context, ownFile: join(context.dir, 'other') })
  assert.ok(isNsctlError(await other.open(sealed).catch((error) => error), 'Failed'))
})

test.run()
