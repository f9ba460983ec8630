import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NsctlError } from '../../../src/core/errors.ts'
import { parseConfig } from '../../../src/main/config/document.ts'

const HEAD = 'apiVersion: nsctl.dev/v1alpha1\nkind: Config\n'
const read = (text: string | Uint8Array) => parseConfig(Buffer.from(text as string), 'config')

for (const c of [
  { name: 'an empty file', text: '' },
  { name: 'only comments', text: '# nothing yet\n' },
  { name: 'nothing but its kind', text: HEAD },
  { name: 'members that are null', text: `${HEAD}current-context:\ncontexts:\n` },
])
  test(`${c.name} is a config without contexts`, async () =>
    assert.equal(await read(c.text), { contexts: [] }))

test('YAML as people write it, and JSON', async () => {
  const wanted = {
    currentContext: 'a',
    contexts: [{ name: 'a', context: { store: 'memory:', namespace: 'shop' } }],
  }
  const yaml = `# mine\nkind: Config\napiVersion: nsctl.dev/v1alpha1\ncontexts: [{context: {store: 'memory:', namespace: shop}, name: a}]\ncurrent-context: a # the one\n`
  assert.equal(await read(yaml), wanted)
  const json = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Config',
    'current-context': 'a',
    contexts: wanted.contexts,
  }
  assert.equal(await read(JSON.stringify(json)), wanted)
})

const CONTEXT = '- name: a\n  context: {store: "memory:"}\n'

for (const c of [
  { name: 'no YAML', text: 'a: [', says: /^config:1:5: not YAML: / },
  { name: 'a list', text: '- a\n', says: /^config:1:1: must be an object with apiVersion/ },
  { name: 'no UTF-8', text: Buffer.from([0x61, 0xff]), says: /^config:1:2: byte 0xFF is not UTF-8/ },
  {
    name: 'a kubeconfig',
    text: 'apiVersion: v1\nkind: Config\n',
    says: /^config:1:13: apiVersion: must be nsctl\.dev\/v1alpha1, not "v1"\n.*\n.* this looks like a kubeconfig/,
  },
  {
    name: 'another kind',
    text: 'apiVersion: nsctl.dev/v1alpha1\nkind: Service\n',
    says: /^config:2:7: kind: must be Config, not "Service"/,
  },
  {
    name: 'no kind',
    text: 'apiVersion: nsctl.dev/v1alpha1\n',
    says: /^config:1:1: kind is missing\n.*\n.* write kind: Config/,
  },
  { name: 'two documents', text: `${HEAD}---\n${HEAD}`, says: /^config:4:1: a second document/ },
  {
    name: 'an unknown member',
    text: `${HEAD}currentcontext: a\n`,
    says: /^config:3:1: unknown field "currentcontext"\n[\s\S]* did you mean "current-context"\?/,
  },
  {
    name: 'a current context that is none',
    text: `${HEAD}current-context: [a]\n`,
    says: /^config:3:18: current-context: must be a name/,
  },
  {
    name: 'contexts that are no list',
    text: `${HEAD}contexts: {a: b}\n`,
    says: /^config:3:11: contexts: must be a list/,
  },
  {
    name: 'a context that is a word',
    text: `${HEAD}contexts:\n- a\n`,
    says: /^config:4:3: contexts\[0\]: must be an object/,
  },
  {
    name: 'a context without a name',
    text: `${HEAD}contexts:\n- context: {store: "memory:"}\n`,
    says: /^config:4:3: contexts\[0\]\.name is missing/,
  },
  {
    name: 'a context without what it says',
    text: `${HEAD}contexts:\n- name: a\n`,
    says: /^config:4:3: contexts\[0\]\.context: must be an object with a store/,
  },
  {
    name: 'a context without a store',
    text: `${HEAD}contexts:\n- name: a\n  context: {namespace: b}\n`,
    says: /^config:5:\d+: contexts\[0\]\.context\.store is missing/,
  },
  {
    name: 'a namespace that is a number',
    text: `${HEAD}contexts:\n- name: a\n  context:\n    store: b\n    namespace: 12\n`,
    says: /^config:7:16: contexts\[0\]\.context\.namespace: must be text\n[\s\S]* put it into quotes/,
  },
  {
    name: 'an unknown field',
    text: `${HEAD}contexts:\n- name: a\n  context: {store: b, nmespace: c}\n`,
    says: /^config:5:23: unknown field "nmespace"\n[\s\S]* did you mean "namespace"\?/,
  },
  {
    name: 'a name twice',
    text: `${HEAD}contexts:\n${CONTEXT}${CONTEXT}`,
    says: /^config:6:9: contexts\[1\]\.name: a is there already/,
  },
])
  test(`${c.name}: says where, what, and what to do`, async () => {
    const error = (await read(c.text).catch((error) => error)) as NsctlError
    assert.is(error.code, 'Invalid')
    assert.match(error.issues[0] ?? '', c.says)
    assert.match(error.next ?? '', 'nsctl config set-context')
  })

test('lines around a fault are shown without the secrets in them', async () => {
  const text = `${HEAD}contexts:\n- name: a\n  context:\n    password: hunter2\n    token: 'opensesame'\n    store: consul://ada:tulip@host\n    x: y\n`
  const error = await read(text).catch((error: NsctlError) => error)
  const shown = JSON.stringify(error)
  assert.match(shown, 'unknown field')
  assert.match(shown, '://*********@host')
  assert.not.match(shown, /hunter|sesame|tulip|ada/)
})

test.run()
