import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Config, Secret, SecretSealedValue } from '../../src/resources/generated/types.ts'
import { type Identity, newIdentity } from '../../src/secrets/identity.ts'
import { OpenedValues, StoredSecretValues, StoredValueResolver } from '../../src/secrets/resolve.ts'
import { sealValue } from '../../src/secrets/value.ts'
import { SecretValueError, type SecretValueReason, type ValueSource } from '../../src/secrets/values.ts'

const PLANTED = 'planted-4c1d'
const own = await newIdentity()
const other = await newIdentity()
const bytes = (text: string) => new TextEncoder().encode(text)
const place = { namespace: 'default', name: 'db', key: 'password' }

function secret(spec: Partial<Secret['spec']>, status?: Secret['status']): Secret {
  const metadata = { name: 'db', namespace: 'default' }
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Secret',
    metadata,
    spec: { immutable: false, ...spec },
    ...(status && { status }),
  }
}

function config(spec: Config['spec']): Config {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Config',
    metadata: { name: 'app', namespace: 'default' },
    spec,
  }
}

/** A resolver over these objects; `identities` counts how often they were asked for. */
function resolverOver(
  objects: { readonly secret?: Secret; readonly config?: Config },
  identities: readonly Identity[] = [own],
) {
  const asked = { count: 0 }
  const opened = new OpenedValues(async () => {
    asked.count++
    return identities
  }, 2)
  const found = {
    secret: async (namespace: string, name: string) =>
      namespace === 'default' && name === 'db' ? objects.secret : undefined,
    config: async (namespace: string, name: string) =>
      namespace === 'default' && name === 'app' ? objects.config : undefined,
  }
  const secrets = new StoredSecretValues(found, opened)
  const env = { NSCTL_VALUE_TOKEN: PLANTED, HOME: '/root' }
  return { asked, opened, secrets, resolver: new StoredValueResolver({ secrets, objects: found, env }) }
}

const sealed = await sealValue(bytes(PLANTED), place, [own.recipient])
const binary = new Uint8Array([0, 255, 10, 0])

for (const { name, source, objects = {}, wanted } of [
  { name: 'a value as it stands', source: { value: 'x' }, wanted: bytes('x') },
  {
    name: 'a key of a Secret',
    source: { secretKeyRef: { name: 'db', key: 'password' } },
    objects: { secret: secret({ sealed: { password: sealed } }) },
    wanted: bytes(PLANTED),
  },
  {
    name: 'a key that was fetched',
    source: { secretKeyRef: { name: 'db', key: 'password' } },
    objects: { secret: secret({ external: { refresh: '1m' } }, { fetched: { password: sealed } }) },
    wanted: bytes(PLANTED),
  },
  {
    name: 'a key of a Config',
    source: { configKeyRef: { name: 'app', key: 'level' } },
    objects: { config: config({ data: { level: 'info' }, immutable: false }) },
    wanted: bytes('info'),
  },
  {
    name: 'a file of a Config',
    source: { configKeyRef: { name: 'app', key: 'app.ini' } },
    objects: { config: config({ files: { 'app.ini': 'a=b\n' }, immutable: false }) },
    wanted: bytes('a=b\n'),
  },
  { name: 'a variable that is meant for it', source: { env: 'NSCTL_VALUE_TOKEN' }, wanted: bytes(PLANTED) },
] as readonly { name: string; source: ValueSource; objects?: object; wanted: Uint8Array }[]) {
  test(`resolves ${name}`, async () => {
    assert.equal(await resolverOver(objects).resolver.resolve(source, 'default'), wanted)
  })
}

const moved = await sealValue(bytes(PLANTED), { ...place, key: 'other' }, [own.recipient])
const foreign = await sealValue(bytes(PLANTED), place, [other.recipient])
const ofSecret = { secretKeyRef: { name: 'db', key: 'password' } }
const withSealed = (password: SecretSealedValue) => ({ secret: secret({ sealed: { password } }) })

for (const { name, source, objects = {}, reason, says, namespace = 'default' } of [
  { name: 'a Secret that is not there', source: ofSecret, reason: 'MissingSecret', says: /default\/db/ },
  {
    name: 'a Secret of another namespace',
    source: ofSecret,
    objects: withSealed(sealed),
    namespace: 'shop',
    reason: 'MissingSecret',
    says: /there is no Secret shop\/db/,
  },
  {
    name: 'a key that is not there',
    source: ofSecret,
    objects: { secret: secret({ sealed: {} }) },
    reason: 'MissingKey',
    says: /Secret default\/db has no key password/,
  },
  {
    name: 'a key that every object has',
    source: { secretKeyRef: { name: 'db', key: 'constructor' } },
    objects: withSealed(sealed),
    reason: 'MissingKey',
    says: /has no key constructor/,
  },
  {
    name: 'a Secret that is kept elsewhere and was never fetched',
    source: ofSecret,
    objects: { secret: secret({ external: { refresh: '1m' } }) },
    reason: 'NotFetched',
    says: /Secret default\/db was not fetched yet/,
  },
  {
    name: 'a value that was sealed to others',
    source: ofSecret,
    objects: withSealed(foreign),
    reason: 'NotOpened',
    says: /password of Secret default\/db/,
  },
  {
    name: 'a value that was moved',
    source: ofSecret,
    objects: withSealed(moved),
    reason: 'NotOpened',
    says: /was moved/,
  },
  {
    name: 'a Config that is not there',
    source: { configKeyRef: { name: 'app', key: 'a' } },
    reason: 'MissingConfig',
    says: /there is no Config default\/app/,
  },
  {
    name: 'a key that a Config has not',
    source: { configKeyRef: { name: 'app', key: 'a' } },
    objects: { config: config({ immutable: false }) },
    reason: 'MissingKey',
    says: /Config default\/app has no key a/,
  },
  {
    name: 'a variable that is not meant for it',
    source: { env: 'HOME' },
    reason: 'NotAllowed',
    says: /the variable HOME of the control plane cannot be named/,
  },
  {
    name: 'a variable that is not set',
    source: { env: 'NSCTL_VALUE_NONE' },
    reason: 'MissingVariable',
    says: /has no variable NSCTL_VALUE_NONE/,
  },
] as readonly {
  name: string
  source: ValueSource
  objects?: object
  reason: SecretValueReason
  says: RegExp
  namespace?: string
}[]) {
  test(`refuses ${name}, with what to do`, async () => {
    const { resolver } = resolverOver(objects)
    const error = await resolver.resolve(source, namespace).catch((thrown) => thrown)
    assert.instance(error, SecretValueError, inspect(error))
    assert.is(error.reason, reason)
    assert.match(error.message, says)
    assert.ok(error.next)
    assert.not.match(inspect(error, { showHidden: true, depth: 20 }), PLANTED)
  })
}

test('what was opened is remembered, for that very ciphertext', async () => {
  const { asked, secrets, opened } = resolverOver({ secret: secret({ sealed: { password: sealed } }) })
  const first = await secrets.get(place)
  first.fill(0)
  assert.equal(await secrets.get(place), bytes(PLANTED), 'nobody can change what another gets')
  assert.is(asked.count, 1)
  // at the same version something else, which somebody has put there
  const forged = { ...foreign, version: sealed.version }
  const error = await opened.open(forged, place).catch((thrown) => thrown)
  assert.instance(error, SecretValueError)
  assert.is(asked.count, 2)
})

test('what was not used for longest is forgotten', async () => {
  const { asked, opened } = resolverOver({})
  const places = ['a', 'b', 'c'].map((key) => ({ ...place, key }))
  const all = await Promise.all(places.map((one) => sealValue(binary, one, [own.recipient])))
  for (const [index, one] of places.entries())
    assert.equal(await opened.open(all[index] as SecretSealedValue, one), binary)
  await opened.open(all[2] as SecretSealedValue, places[2] as typeof place)
  assert.is(asked.count, 3)
  await opened.open(all[0] as SecretSealedValue, places[0] as typeof place)
  assert.is(asked.count, 4)
})

test('a control plane without an identity says so', async () => {
  const opened = new OpenedValues(async () => {
    throw new SecretValueError('NotOpened', 'there is no identity')
  })
  const error = await opened.open(sealed, place).catch((thrown) => thrown)
  assert.match(error.message, /there is no identity/)
})

test.run()
