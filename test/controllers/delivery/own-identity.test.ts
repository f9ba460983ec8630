import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OwnIdentity, type OwnIdentityApi } from '../../../src/controllers/delivery/own-identity.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { NsctlError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Recipient } from '../../../src/resources/generated/types.ts'
import { identityText, newIdentity } from '../../../src/secrets/identity.ts'

interface Context {
  folder: string
  path: string
  /** What the store holds. */
  stored: { recipient: Recipient | undefined; refuses: NsctlError[] }
}

const test = suite<Context>('own identity')
test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'nsctl-identity-'))
  context.path = join(context.folder, 'state', 'identity')
  context.stored = { recipient: undefined, refuses: [] }
})
test.after.each(async ({ folder }) => rm(folder, { recursive: true }))

function own({ path, stored }: Pick<Context, 'path' | 'stored'>): OwnIdentity {
  const api = {
    get: async () => stored.recipient,
    create: async ({ object }: { readonly object: unknown }) => {
      const refusal = stored.refuses.shift()
      if (refusal !== undefined) throw refusal
      if (stored.recipient !== undefined) throw new NsctlError('AlreadyExists', 'it is there')
      stored.recipient = object as Recipient
    },
    recordEvent: async () => {},
  } as unknown as OwnIdentityApi
  const cache = { get: <T>() => stored.recipient as T | undefined }
  return new OwnIdentity({ api, cache, path, host: 'here', clock: systemClock, logger: silentLogger })
}

const run = (one: OwnIdentity) => one.runnable().run(new AbortController().signal)
const recipientOf = (key: string) => ({ spec: { key, role: 'ControlPlane' } }) as Recipient

test('of two that start at once both have the same', async (context) => {
  const [one, other] = [own(context), own(context)]
  await Promise.all([run(one), run(other), one.standing(), other.standing()])
  const [[a], [b]] = await Promise.all([one.identities(), other.identities()])
  assert.is(a?.recipient, b?.recipient)
  assert.is(context.stored.recipient?.spec.key, a?.recipient)
  assert.is(context.stored.recipient?.spec.comment, 'the control plane on here')
  assert.equal(await readdir(join(context.folder, 'state')), ['identity'])
})

test('a controller elsewhere makes itself no reader', async (context) => {
  const { recipient } = await newIdentity()
  context.stored.recipient = recipientOf(recipient)
  const one = own(context)
  await run(one)
  const standing = await one.standing()
  assert.is('fault' in standing && standing.fault, 'IdentityMissing')
  assert.not(existsSync(context.path))
  await one.identities().then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, 'nsctl secret identity import FILE --control-plane'),
  )
})

test('a file with the identities before it opens what was sealed to those as well', async (context) => {
  const [fresh, old] = await Promise.all([newIdentity(), newIdentity()])
  context.path = join(context.folder, 'identity')
  await writeFile(context.path, identityText(fresh) + identityText(old), { mode: 0o600 })
  context.stored.recipient = recipientOf(fresh.recipient)
  const recipients = (await own(context).identities()).map(({ recipient }) => recipient)
  assert.equal(recipients, [fresh.recipient, old.recipient])
})

test('a new identity is taken up where it becomes the recipient', async (context) => {
  const [old, fresh] = await Promise.all([newIdentity(), newIdentity()])
  context.path = join(context.folder, 'identity')
  await writeFile(context.path, identityText(old), { mode: 0o600 })
  context.stored.recipient = recipientOf(old.recipient)
  const one = own(context)
  assert.is((await one.identities())[0]?.recipient, old.recipient)
  await writeFile(context.path, identityText(fresh), { mode: 0o600 })
  context.stored.recipient = recipientOf(fresh.recipient)
  assert.is((await one.identities())[0]?.recipient, fresh.recipient)
})

test('a store that is away is waited for', async (context) => {
  context.stored.refuses.push(new NsctlError('Unreachable', 'the store is away'))
  // a clock's timer keeps no process alive
  const alive = setInterval(() => {}, 1_000)
  await run(own(context)).finally(() => clearInterval(alive))
  assert.ok(context.stored.recipient)
})

for (const [name, mode, remedy] of [
  [
    'is none',
    0o600,
    /this is no identity: move \S+ away and bring the right one back with .* --control-plane$/,
  ],
  ['others can read', 0o644, /may read or change .*: chmod 600 \S+identity/],
] as const)
  test(`what to do is said of a file that ${name}`, async (context) => {
    await mkdir(join(context.folder, 'state'))
    await writeFile(context.path, 'AGE-SECRET-KEY-1HALF\n', { mode })
    const standing = await own(context).standing()
    assert.match('fault' in standing ? standing.message : '', remedy)
    assert.not.match('fault' in standing ? standing.message : '', 'HALF')
  })

test('where none can be made, the control plane runs on', async (context) => {
  const nowhere = { ...context, path: '/dev/null/identity' }
  const one = own(nowhere)
  await run(one)
  const standing = await one.standing()
  assert.is('fault' in standing && standing.fault, 'IdentityUnusable')
  context.stored.refuses.push(new NsctlError('Invalid', 'such a Recipient is refused'))
  await run(own(context))
})

test('one who leads no more is told so', async (context) => {
  context.stored.refuses.push(new NsctlError('Fenced', 'another leads'))
  await run(own(context)).then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'Fenced'),
  )
})

test.run()
