import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'

const secret = createKindRegistry().byKind('Secret')
await secret.prepare()

const object = (spec: object) => ({
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Secret',
  metadata: { name: 'db' },
  spec,
})
const said = (issues: readonly { readonly path: readonly (string | number)[]; readonly message: string }[]) =>
  issues.map(({ path, message }) => `${formatPath(path)}: ${message}`)
const armored = (content: string) =>
  `-----BEGIN AGE ENCRYPTED FILE-----\n${content}\n-----END AGE ENCRYPTED FILE-----\n`
const sealed = (version: string, age = armored('Y2lwaGVy')) => ({ version: version.repeat(10), age })
const vault = (path: string, more: object = {}) => ({
  external: {
    vault: { address: 'https://vault:8200', path, auth: { token: { name: 'v', key: 't' } } },
    ...more,
  },
})

for (const c of [
  { name: 'sealed values', spec: { sealed: { password: sealed('a') } }, want: [] },
  { name: 'no value yet', spec: { sealed: {} }, want: [] },
  {
    name: 'neither values nor a source',
    spec: {},
    want: [
      'spec: needs sealed (what apply and nsctl secret seal) or external (values that are kept elsewhere)',
    ],
  },
  {
    name: 'values and a source',
    spec: { sealed: { a: sealed('a') }, ...vault('x') },
    want: ['spec.external: cannot stand beside sealed: give one of the two'],
  },
  {
    name: 'a value where ciphertext belongs',
    spec: { sealed: { password: sealed('a', 'hunter2') } },
    want: [
      'spec.sealed.password.age: must be an armored age file: values go into stringData, and apply or nsctl secret seal seals them',
    ],
  },
  {
    name: 'a value within armor',
    spec: { sealed: { password: sealed('a', armored('it is hunter2')) } },
    want: [
      'spec.sealed.password.age: must be an armored age file: values go into stringData, and apply or nsctl secret seal seals them',
    ],
  },
  {
    name: 'a key with a blank',
    spec: { sealed: { 'a b': sealed('a') } },
    want: [
      'spec.sealed["a b"]: cannot be called "a b": a key is made of letters, digits, -, _ and ., at most 253 of them, and is not . or .. or __proto__',
    ],
  },
  {
    name: 'a recipient that is none',
    spec: { sealed: {}, recipients: ['ssh-ed25519'] },
    want: [
      'spec.recipients[0]: must be an age recipient such as age1… (age-keygen -y prints the one of an identity), not "ssh-ed25519"',
    ],
  },
])
  test(`a Secret with ${c.name}`, () =>
    assert.equal(said(secret.validate(secret.withDefaults(object(c.spec)))), c.want))

const kept = { immutable: true, sealed: { password: sealed('a') } }
for (const c of [
  { name: 'lets what is not immutable change', before: { sealed: {} }, after: kept, want: [] },
  {
    name: 'lets the same value be sealed to others',
    before: kept,
    after: { ...kept, sealed: { password: sealed('a', 'other') }, recipients: ['age1x'] },
    want: [],
  },
  {
    name: 'refuses another version, a key that is new and one that goes',
    before: { immutable: true, sealed: { a: sealed('a'), gone: sealed('b') } },
    after: { immutable: true, sealed: { a: sealed('c'), new: sealed('b') } },
    want: ['a', 'gone', 'new'].map(
      (key) =>
        `spec.sealed.${key}: cannot be changed: the Secret is immutable; make one of another name and use that`,
    ),
  },
  {
    name: 'refuses another source',
    before: { immutable: true, ...vault('x') },
    after: { immutable: true, ...vault('y') },
    want: ['spec.external: cannot be changed: the Secret is immutable'],
  },
  {
    name: 'lets the same source be asked more often',
    before: { immutable: true, ...vault('x') },
    after: { immutable: true, ...vault('x', { refresh: '5s' }) },
    want: [],
  },
  {
    name: 'refuses to become changeable',
    before: kept,
    after: { ...kept, immutable: false },
    want: ['spec.immutable: stays true until the Secret is deleted'],
  },
])
  test(`a change ${c.name}`, () =>
    assert.equal(said(secret.validateChange(object(c.before), object(c.after))), c.want))

test.run()
