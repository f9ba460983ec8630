import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'

const config = createKindRegistry().byKind('Config')
await config.prepare()

const object = (spec: object) => ({
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Config',
  metadata: { name: 'app' },
  spec,
})
const said = (issues: readonly { readonly path: readonly (string | number)[]; readonly message: string }[]) =>
  issues.map(({ path, message }) => `${formatPath(path)}: ${message}`)

for (const c of [
  { name: 'nothing', spec: {}, want: [] },
  {
    name: 'values and files',
    spec: { data: { LOG_LEVEL: 'info' }, files: { 'app.ini': '[a]\0' } },
    want: [],
  },
  {
    name: 'a key with a slash',
    spec: { data: { 'a/b': '' } },
    want: [
      'spec.data["a/b"]: cannot be called "a/b": a key is made of letters, digits, -, _ and ., at most 253 of them, and is not . or .. or __proto__',
    ],
  },
  {
    name: 'a file that is called ..',
    spec: { files: { '..': '' } },
    want: [
      'spec.files[".."]: cannot be called "..": a key is made of letters, digits, -, _ and ., at most 253 of them, and is not . or .. or __proto__',
    ],
  },
  {
    name: 'a key in both',
    spec: { data: { a: '1' }, files: { a: '2' } },
    want: ['spec.files.a: is in data too: give "a" once'],
  },
  {
    name: 'a value that no variable can hold',
    spec: { data: { a: '\0' } },
    want: ['spec.data.a: must not contain a NUL character: no variable can hold one; a file can'],
  },
  {
    name: 'a number',
    spec: { data: { a: 1 } },
    want: ['spec.data.a: must be a string, not the number 1 (quote it: "1")'],
  },
])
  test(`a Config with ${c.name}`, () =>
    assert.equal(said(config.validate(config.withDefaults(object(c.spec)))), c.want))

for (const c of [
  {
    name: 'lets what is not immutable change',
    before: { data: { a: '1' } },
    after: { immutable: true },
    want: [],
  },
  {
    name: 'refuses a value',
    before: { immutable: true, data: { a: '1' } },
    after: { immutable: true, data: { a: '2' } },
    want: ['spec.data: cannot be changed: the Config is immutable; make one of another name and use that'],
  },
  {
    name: 'refuses a file that is new',
    before: { immutable: true },
    after: { immutable: true, files: { a: '' } },
    want: ['spec.files: cannot be changed: the Config is immutable; make one of another name and use that'],
  },
  {
    name: 'refuses to become changeable',
    before: { immutable: true, data: { a: '1' } },
    after: { immutable: false, data: { a: '1' } },
    want: ['spec.immutable: stays true until the Config is deleted'],
  },
  {
    name: 'takes an empty map for none',
    before: { immutable: true, data: {} },
    after: { immutable: true, files: {} },
    want: [],
  },
])
  test(`a change ${c.name}`, () =>
    assert.equal(said(config.validateChange(object(c.before), object(c.after))), c.want))

test('most kinds allow every change', async () => {
  const service = createKindRegistry().byKind('Service')
  await service.prepare()
  assert.equal(service.validateChange({}, {}), [])
})

test.run()
