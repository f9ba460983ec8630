import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ComposedProgram,
  type Composition,
  composeMaterial,
} from '../../../src/agent/material/compose.ts'
import type { Contents, MaterialName } from '../../../src/agent/material/gathering.ts'
import type { ServiceTemplate } from '../../../src/resources/generated/types.ts'
import { programsOf } from '../../../src/resources/template.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const contents = (values: Record<string, string | Uint8Array>): Contents =>
  new Map(
    Object.entries(values).map(([key, value]) => [key, typeof value === 'string' ? bytes(value) : value]),
  )

const KEPT: Readonly<Record<string, Contents>> = {
  'Config/app': contents({ LEVEL: 'info', 'app.conf': 'a=1', HOST: 'config' }),
  'Secret/db': contents({ HOST: 'secret', password: 'hunter2', 'a-b': 'x', key: new Uint8Array([0xff, 0]) }),
  'Secret/tls': contents({ 'tls.crt': 'crt', 'tls.key': 'key' }),
}
const find = ({ kind, name }: MaterialName) => KEPT[`${kind}/${name}`]

const BASE: ServiceTemplate = {
  source: { command: ['app'] },
  stop: { signal: 'SIGTERM', gracePeriod: '10s' },
  network: 'host',
}
const template = (over: Partial<ServiceTemplate>): ServiceTemplate => ({ ...BASE, ...over })
const ref = (name: string, key: string, optional = false) => ({ name, key, optional })
const from = (name: string, optional = false) => ({ name, optional })
const files = (name: string, over: object = {}) => ({
  name,
  optional: false,
  onChange: 'restart' as const,
  ...over,
})

function composed(over: Partial<ServiceTemplate>, program = ''): ComposedProgram {
  const composition = composeMaterial(template(over), find)
  assert.is(composition.kind, 'composed', JSON.stringify(composition))
  const { programs } = composition as Extract<Composition, { kind: 'composed' }>
  return programs.get(program) as ComposedProgram
}

/** Both kinds of variables, secret ones marked. */
function variables({ env, material }: ComposedProgram): Record<string, string> {
  const secret = [...(material?.environment ?? [])].map(([name, text]) => [name, `secret:${text}`])
  for (const [name] of secret) assert.not.ok(Object.hasOwn(env, name as string), `${name} is in both`)
  return { ...env, ...Object.fromEntries(secret) }
}

for (const c of [
  {
    name: 'values as they stand',
    over: { env: [{ name: 'A', value: '1' }, { name: 'B' }] },
    want: { A: '1', B: '' },
  },
  {
    name: "a Config's key",
    over: { env: [{ name: 'A', valueFrom: { configKeyRef: ref('app', 'LEVEL') } }] },
    want: { A: 'info' },
  },
  {
    name: "a Secret's key",
    over: { env: [{ name: 'A', valueFrom: { secretKeyRef: ref('db', 'password') } }] },
    want: { A: 'secret:hunter2' },
  },
  {
    name: 'an optional key of a Secret that is not there',
    over: { env: [{ name: 'A', valueFrom: { secretKeyRef: ref('none', 'x', true) } }] },
    want: {},
  },
  {
    name: 'an optional key that is not in it, with what envFrom says of the name',
    over: {
      envFrom: [{ configRef: from('app') }],
      env: [{ name: 'LEVEL', valueFrom: { secretKeyRef: ref('db', 'none', true) } }],
    },
    want: { LEVEL: 'info', HOST: 'config' },
  },
  {
    name: 'all of a Config, but for what is no name of a variable',
    over: { envFrom: [{ configRef: from('app') }] },
    want: { LEVEL: 'info', HOST: 'config' },
  },
  {
    name: 'all of a Secret with a prefix, but for what is no text',
    over: { envFrom: [{ secretRef: from('db'), prefix: 'DB_' }] },
    want: { DB_HOST: 'secret:secret', DB_password: 'secret:hunter2' },
  },
  {
    name: 'the later of two lists: a Secret over a Config',
    over: { envFrom: [{ configRef: from('app') }, { secretRef: from('db') }] },
    want: { LEVEL: 'info', HOST: 'secret:secret', password: 'secret:hunter2' },
  },
  {
    name: 'the later of two lists: a Config over a Secret',
    over: { envFrom: [{ secretRef: from('db') }, { configRef: from('app') }] },
    want: { LEVEL: 'info', HOST: 'config', password: 'secret:hunter2' },
  },
  {
    name: 'what env names, before all lists',
    over: { env: [{ name: 'HOST', value: 'own' }], envFrom: [{ secretRef: from('db') }] },
    want: { HOST: 'own', password: 'secret:hunter2' },
  },
] satisfies readonly { name: string; over: Partial<ServiceTemplate>; want: Record<string, string> }[])
  test(`variables: ${c.name}`, () => assert.equal(variables(composed(c.over)), c.want))

test("a program of a group has the template's variables and its own, and its own win", () => {
  const group: Partial<ServiceTemplate> = {
    envFrom: [{ configRef: from('app') }],
    env: [{ name: 'A', valueFrom: { secretKeyRef: ref('db', 'password') } }],
    programs: [
      { name: 'one', source: { command: ['x'] }, env: [{ name: 'A', value: 'own' }] },
      { name: 'two', source: { command: ['x'] }, envFrom: [{ secretRef: from('db') }] },
    ],
  }
  const { source: _, ...rest } = BASE
  const composition = composeMaterial({ ...rest, ...group }, find)
  assert.is(composition.kind, 'composed')
  const { programs } = composition as Extract<Composition, { kind: 'composed' }>
  const of = (name: string) => variables(programs.get(name) as ComposedProgram)
  assert.equal(of('one'), { LEVEL: 'info', HOST: 'config', A: 'own' })
  assert.equal(of('two'), {
    LEVEL: 'info',
    HOST: 'secret:secret',
    password: 'secret:hunter2',
    A: 'secret:hunter2',
  })
  assert.is(programs.get('one')?.shape, undefined)
  assert.is(programs.get('two')?.shape?.environment, true)
})

test('says what it left out of lists', () => {
  const composition = composeMaterial(
    template({ envFrom: [{ secretRef: from('db') }, { configRef: from('app') }] }),
    find,
  )
  assert.equal((composition as Extract<Composition, { kind: 'composed' }>).notes, [
    'secret/db: not taken as variables: a-b, key',
    'config/app: not taken as variables: app.conf',
  ])
})

test("Secrets' files are credentials, by the Secret's name and the key's or as items say, at paths too", () => {
  const { shape, material, env } = composed({
    secrets: [
      files('tls', { path: '/etc/tls/' }),
      files('db', { items: [{ key: 'password', as: 'pw' }, { key: 'HOST' }], path: '/etc/db' }),
    ],
  })
  assert.equal(env, {})
  assert.equal(shape, {
    credentials: ['db.HOST', 'pw', 'tls.tls.crt', 'tls.tls.key'],
    live: false,
    environment: false,
    folders: [],
    paths: {
      '/etc/db/HOST': 'db.HOST',
      '/etc/db/pw': 'pw',
      '/etc/tls/tls.crt': 'tls.tls.crt',
      '/etc/tls/tls.key': 'tls.tls.key',
    },
  })
  assert.equal(material?.credentials.get('pw'), bytes('hunter2'))
  assert.equal([...(material?.credentials.keys() ?? [])], shape?.credentials)
})

test('Configs are folders, binary Secrets stay what they are, and onChange makes files live', () => {
  const { shape, material } = composed({
    configs: [files('app', { items: [{ key: 'app.conf', as: 'main.conf' }], path: '/etc/app' })],
    secrets: [files('db', { items: [{ key: 'key' }], onChange: 'reload' })],
  })
  assert.is(shape?.live, true)
  assert.equal(shape?.folders, [{ name: 'app', path: '/etc/app' }])
  assert.equal(material?.folders.get('app'), new Map([['main.conf', bytes('a=1')]]))
  assert.equal(material?.credentials.get('db.key'), new Uint8Array([0xff, 0]))
})

test('a program that takes nothing has no material', () => {
  assert.equal(composed({ env: [{ name: 'A', value: '1' }] }), {
    env: { A: '1' },
    shape: undefined,
    material: undefined,
  })
})

for (const c of [
  {
    name: 'a Secret that is not there',
    over: { secrets: [files('none')] },
    phase: 'Pending',
    message: /^waits for secret\/none, which is not there; make it with nsctl create secret generic none, or/,
  },
  {
    name: 'a Config that is not there',
    over: { envFrom: [{ configRef: from('none') }] },
    phase: 'Pending',
    message: /^waits for config\/none/,
  },
  {
    name: 'a key that is not in it, before what may heal',
    over: { secrets: [files('none')], env: [{ name: 'A', valueFrom: { secretKeyRef: ref('db', 'token') } }] },
    phase: 'Failed',
    message:
      /^secret\/db has no key token, which the variable A takes; add it with nsctl secret edit db, or mark/,
  },
  {
    name: 'a file of a key that is not in it',
    over: { configs: [files('app', { items: [{ key: 'x', as: 'y' }] })] },
    phase: 'Failed',
    message: /^config\/app has no key x, which the file y takes; add it to the Config/,
  },
  {
    name: 'a value that is no text',
    over: { env: [{ name: 'A', valueFrom: { secretKeyRef: ref('db', 'key') } }] },
    phase: 'Failed',
    message: /^secret\/db: key cannot be the variable A, because it is not UTF-8 text; take it as a file$/,
  },
  {
    name: 'two files of one name',
    over: {
      secrets: [
        files('tls', { items: [{ key: 'tls.key', as: 'k' }] }),
        files('db', { items: [{ key: 'HOST', as: 'k' }] }),
      ],
    },
    phase: 'Failed',
    message: /^secret\/db: another file is called k already/,
  },
  {
    name: 'two files at one path',
    over: {
      secrets: [
        files('tls', { items: [{ key: 'tls.key' }], path: '/x' }),
        files('db', { items: [{ key: 'HOST', as: 'tls.key' }], path: '/x/' }),
      ],
    },
    phase: 'Failed',
    message: /^secret\/db: another file lies at \/x\/tls\.key already/,
  },
] satisfies readonly { name: string; over: Partial<ServiceTemplate>; phase: string; message: RegExp }[])
  test(`what stands in the way: ${c.name}`, () => {
    const composition = composeMaterial(template(c.over), find)
    assert.is(composition.kind, 'obstacle')
    const { obstacle } = composition as Extract<Composition, { kind: 'obstacle' }>
    assert.is(obstacle.phase, c.phase)
    assert.match(obstacle.message, c.message)
  })

for (const key of ['..', '.', '../../etc/passwd', 'a/b', 'a\0b', '', 'x'.repeat(300)])
  test(`no key leads out of a folder: ${JSON.stringify(key).slice(0, 20)}`, () => {
    for (const over of [{ configs: [files('it')] }, { secrets: [files('it')] }]) {
      const composition = composeMaterial(template(over), () => new Map([[key, bytes('x')]]))
      assert.is(composition.kind, 'obstacle')
    }
  })

const valueArbitrary = fc.oneof(fc.string(), fc.string({ unit: 'binary' })).map(bytes)
const contentsArbitrary = fc
  .dictionary(fc.stringMatching(/^[-._a-zA-Z0-9]{1,8}$/), valueArbitrary, { maxKeys: 5 })
  .map((values) => new Map(Object.entries(values)))
const nameArbitrary = fc.constantFrom('a', 'b', 'c')
const keyArbitrary = fc.constantFrom('k', 'A', 'x-y')
const keyRefArbitrary = fc.record({ name: nameArbitrary, key: keyArbitrary, optional: fc.boolean() })
const envArbitrary = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('A', 'B', 'k'),
    valueFrom: fc.oneof(
      fc.record({ configKeyRef: keyRefArbitrary }),
      fc.record({ secretKeyRef: keyRefArbitrary }),
    ),
  }),
  { selector: (one) => one.name },
)
const envRefArbitrary = fc.record({ name: nameArbitrary, optional: fc.boolean() })
const envFromArbitrary = fc.array(
  fc.oneof(fc.record({ configRef: envRefArbitrary }), fc.record({ secretRef: envRefArbitrary })),
  { maxLength: 3 },
)
const filesArbitrary = fc.uniqueArray(
  fc.record({
    name: nameArbitrary,
    optional: fc.boolean(),
    onChange: fc.constantFrom('restart', 'reload', 'none'),
  }),
  { selector: (one) => one.name },
)
const templateArbitrary = fc.record({
  env: envArbitrary,
  envFrom: envFromArbitrary,
  configs: filesArbitrary,
  secrets: filesArbitrary,
})

/** Secrets' values are told apart by what they begin with. */
const marked = (content: Uint8Array) => new Uint8Array([...bytes('SECRET'), ...content])

test('property: no value of a Secret is among the plain variables, in the shape or in a message', () => {
  fc.assert(
    fc.property(
      templateArbitrary,
      fc.dictionary(
        fc.constantFrom('Config/a', 'Config/b', 'Secret/a', 'Secret/b', 'Secret/c'),
        contentsArbitrary,
      ),
      (over, kept) => {
        const find = ({ kind, name }: MaterialName) => {
          const found = kept[`${kind}/${name}`]
          if (kind === 'Config' || found === undefined) return found
          return new Map([...found].map(([key, content]) => [key, marked(content)]))
        }
        const wanted = template(over as Partial<ServiceTemplate>)
        const composition = composeMaterial(wanted, find)
        if (composition.kind === 'obstacle') {
          assert.not.match(JSON.stringify(composition), 'SECRET')
          return
        }
        assert.not.match(composition.notes.join(), 'SECRET')
        assert.equal(
          [...composition.programs.keys()],
          programsOf(wanted).map((one) => one.name),
        )
        for (const { env, shape, material } of composition.programs.values()) {
          assert.not.match(JSON.stringify({ env, shape }), 'SECRET')
          assert.is(shape === undefined, material === undefined)
          for (const name of material?.environment.keys() ?? []) assert.not.ok(Object.hasOwn(env, name))
          assert.equal(shape?.credentials ?? [], [...(material?.credentials.keys() ?? [])])
          assert.is(shape?.environment ?? false, (material?.environment.size ?? 0) > 0)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test.run()
