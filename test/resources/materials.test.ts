import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Config, Secret, ServiceTemplate } from '../../src/resources/generated/types.ts'
import {
  configContent,
  configVersion,
  contentForHash,
  deliveryName,
  type FindContent,
  type MaterialRef,
  materialRefs,
  missingText,
  resolveMaterials,
  secretContent,
  secretVersion,
} from '../../src/resources/materials.ts'

const base: ServiceTemplate = { stop: { signal: 'SIGTERM', gracePeriod: '10s' }, network: 'host' }
const key = (name: string, which: string, optional = false) => ({ name, key: which, optional })
const file = (name: string, onChange: 'restart' | 'reload' | 'none' = 'restart', optional = false) => ({
  name,
  onChange,
  optional,
})

const config = (data: Record<string, string>, files?: Record<string, string>) =>
  ({ spec: { data, ...(files && { files }), immutable: false } }) as Config
const secret = (sealed: Record<string, string>, age = 'x') =>
  ({
    spec: {
      sealed: Object.fromEntries(Object.entries(sealed).map(([name, version]) => [name, { version, age }])),
      immutable: false,
    },
  }) as Secret

function finder(objects: Readonly<Record<string, unknown>>): FindContent {
  return (kind, name) => {
    const object = objects[`${kind.toLowerCase()}/${name}`]
    if (object === undefined) return undefined
    return kind === 'Config' ? configContent(object as Config) : secretContent(object as Secret)
  }
}

for (const c of [
  { name: 'nothing', template: base, want: [] },
  {
    name: 'a variable',
    template: { ...base, env: [{ name: 'A', valueFrom: { secretKeyRef: key('db', 'password') } }] },
    want: ['Secret/db keys=password required=password restarts'],
  },
  {
    name: 'a variable that may be missing',
    template: { ...base, env: [{ name: 'A', valueFrom: { configKeyRef: key('web', 'level', true) } }] },
    want: ['Config/web keys=level required= optional restarts'],
  },
  {
    name: 'all keys as variables',
    template: { ...base, envFrom: [{ secretRef: { name: 'db', optional: false } }] },
    want: ['Secret/db keys=* required= restarts'],
  },
  {
    name: 'files, by their effect',
    template: { ...base, configs: [file('web', 'reload')], secrets: [file('tls', 'none', true)] },
    want: ['Config/web keys=* required=', 'Secret/tls keys=* required= optional'],
  },
  {
    name: 'some files of it',
    template: { ...base, secrets: [{ ...file('tls'), items: [{ key: 'b' }, { key: 'a', as: 'c' }] }] },
    want: ['Secret/tls keys=a,b required=a,b restarts'],
  },
  {
    name: 'one object in several places, once',
    template: {
      ...base,
      env: [
        { name: 'A', valueFrom: { secretKeyRef: key('db', 'user', true) } },
        { name: 'B', valueFrom: { secretKeyRef: key('db', 'password') } },
        { name: 'C', value: 'plain' },
      ],
      secrets: [{ ...file('db', 'reload'), items: [{ key: 'ca' }] }],
    },
    want: ['Secret/db keys=ca,password,user required=ca,password restarts'],
  },
  {
    name: "a group's programs",
    template: {
      ...base,
      programs: [
        {
          name: 'app',
          source: { command: ['a'] },
          env: [{ name: 'A', valueFrom: { secretKeyRef: key('db', 'a') } }],
        },
        { name: 'side', source: { command: ['b'] }, envFrom: [{ configRef: { name: 'c', optional: true } }] },
      ],
    },
    want: ['Config/c keys=* required= optional restarts', 'Secret/db keys=a required=a restarts'],
  },
] as const)
  test(`materialRefs: ${c.name}`, () =>
    assert.equal(materialRefs(c.template as ServiceTemplate).map(text), [...c.want]))

function text({ kind, name, keys, required, optional, restarts }: MaterialRef): string {
  const flags = `${optional ? ' optional' : ''}${restarts ? ' restarts' : ''}`
  return `${kind}/${name} keys=${keys ?? '*'} required=${required}${flags}`
}

test("a Config's version is that of its content", () => {
  const one = config({ a: '1', b: '2' })
  assert.match(configVersion(one), /^[a-z0-9]{10}$/)
  assert.is(configVersion(config({ b: '2', a: '1' })), configVersion(one))
  assert.is(configVersion(config({ a: '1' }, { b: '2' })), configVersion(one))
  assert.is.not(configVersion(config({ a: '1', b: '3' })), configVersion(one))
  assert.is.not(configVersion(config({ a: '1' })), configVersion(one))
})

test("a Secret's version is that of its keys' versions, whoever they are sealed to", () => {
  const one = secret({ a: 'bbbbbbbbbb', b: 'cccccccccc' })
  assert.is(
    secretVersion(secret({ b: 'cccccccccc', a: 'bbbbbbbbbb' }, 'sealed to others')),
    secretVersion(one),
  )
  assert.is.not(secretVersion(secret({ a: 'bbbbbbbbbb', b: 'dddddddddd' })), secretVersion(one))
  assert.is.not(secretVersion(secret({ a: 'bbbbbbbbbb' })), secretVersion(one))
  const fetched = { spec: { external: {}, immutable: false }, status: { fetched: one.spec.sealed } } as Secret
  assert.is(secretVersion(fetched), secretVersion(one))
})

const refs = (over: Partial<ServiceTemplate>) => materialRefs({ ...base, ...over })
const password = { env: [{ name: 'A', valueFrom: { secretKeyRef: key('db', 'password') } }] }

for (const c of [
  { name: 'all there', over: password, objects: { 'secret/db': secret({ password: 'v' }) }, missing: '' },
  { name: 'no such Secret', over: password, objects: {}, missing: 'secret/db' },
  {
    name: 'no such key',
    over: password,
    objects: { 'secret/db': secret({ user: 'v' }) },
    missing: 'secret/db (key password)',
  },
  {
    name: 'a name that every object has',
    over: { env: [{ name: 'A', valueFrom: { configKeyRef: key('web', 'constructor') } }] },
    objects: { 'config/web': config({}) },
    missing: 'config/web (key constructor)',
  },
  {
    name: 'what may be missing',
    over: { secrets: [file('tls', 'restart', true)] },
    objects: {},
    missing: '',
  },
  {
    name: 'a Secret that was not fetched yet',
    over: { secrets: [file('tls')] },
    objects: { 'secret/tls': { spec: { external: {}, immutable: false } } as Secret },
    missing: 'secret/tls',
  },
  {
    name: 'several',
    over: {
      ...password,
      configs: [{ ...file('web'), items: [{ key: 'a' }, { key: 'b' }] }],
    },
    objects: { 'config/web': config({}) },
    missing: 'config/web (keys a, b), secret/db',
  },
] as const)
  test(`resolveMaterials: ${c.name}`, () => {
    const { missing } = resolveMaterials(refs(c.over as Partial<ServiceTemplate>), finder(c.objects))
    assert.is(missingText(missing), c.missing)
  })

test('the hash takes in what replaces instances, and nothing else', () => {
  const objects = { 'config/web': config({ a: '1' }), 'secret/db': secret({ a: 'v' }) }
  const content = (over: Partial<ServiceTemplate>) => {
    const named = refs(over)
    return contentForHash(named, resolveMaterials(named, finder(objects)).materials)
  }
  assert.is(content({}), undefined)
  assert.is(content({ configs: [file('web', 'reload')], secrets: [file('db', 'none')] }), undefined)
  assert.is(content({ configs: [file('other', 'restart', true)] }), undefined)
  assert.equal(
    content({ configs: [file('web', 'reload')], secrets: [file('db')] })?.map(({ name }) => name),
    ['db'],
  )
})

test('one delivery has one name, and two never the same', () => {
  const some = fc.record({
    kind: fc.constantFrom('Config' as const, 'Secret' as const),
    name: fc.stringMatching(/^[a-z]{1,3}$/),
    version: fc.stringMatching(/^[a-z]{1,2}$/),
    node: fc.stringMatching(/^[a-z]{1,3}$/),
  })
  fc.assert(
    fc.property(some, some, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b)
      assert.is(deliveryName(a, a.node) === deliveryName(b, b.node), same)
    }),
  )
  const long = deliveryName({ kind: 'Secret', name: 'x'.repeat(253), version: 'v' }, 'n')
  assert.ok(long.length <= 253)
})

test.run()
