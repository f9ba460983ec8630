import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FieldChange } from '../../src/api/api.ts'
import type { Client } from '../../src/client/client.ts'
import type { Kind } from '../../src/resources/kinds.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { summarizeChanges } from '../../src/views/changes.ts'
import { describeObject } from '../../src/views/describe/describe.ts'
import { gatherDescription } from '../../src/views/describe/description.ts'
import { renderDiff } from '../../src/views/diff.ts'
import { kinds, node, nowMs, web, web2 } from './fixtures.ts'
import { matchesGolden } from './golden.ts'
import {
  CIPHERTEXT,
  config,
  deliveries,
  external,
  recipients,
  sealed,
  secret,
  taker,
} from './materials-fixtures.ts'

const shop = {
  kinds,
  listAll: async (wanted: readonly Kind[]) => ({
    revision: 1,
    lists: wanted.map(
      (kind) => ({ Service: [web, taker], Delivery: deliveries, Recipient: recipients })[kind.kind] ?? [],
    ),
  }),
  history: async () => [],
} as unknown as Client

const page = async (object: AnyResource) =>
  describeObject(await gatherDescription(shop, kinds.byKind(object.kind), object, nowMs))

for (const [name, object] of [
  ['secret', secret],
  ['secret of Vault', external],
  ['config', config],
  ['service that takes secrets', taker],
] as const)
  test(`describe ${name}`, async () => {
    const text = await page(object)
    matchesGolden(`describe/${name.replaceAll(' ', '-').toLowerCase()}.txt`, text)
    assert.not.match(text, 'PLANTED')
  })

test('a Secret that nobody takes says so', async () => {
  const text = await page({ ...secret, metadata: { ...secret.metadata, name: 'lonely' } })
  assert.match(text, /^Used by +nothing$/m)
  assert.match(text, /^Nodes +none has a copy$/m)
})

test('an instance says what it runs with, and what it waits for', async () => {
  const material = (kind: string, name: string, version: string) => ({ kind, name, version })
  const text = await page({
    ...web2,
    spec: {
      ...web2.spec,
      materials: [
        material('Config', 'app', 'b'),
        material('Secret', 'db', 'c'),
        material('Secret', 'x', 'd'),
      ],
    },
    status: { ...web2.status, materials: [material('Config', 'app', 'a'), material('Secret', 'db', 'c')] },
  } as unknown as AnyResource)
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.startsWith('Runs with'))
  assert.equal(
    lines.slice(at, at + 3).map((line) => line.trim()),
    ['Runs with     config/app   b   still has a', 'secret/db    c', 'secret/x     d   not there yet'],
  )
})

for (const [name, pinned, said, wanted] of [
  ['has the key that is pinned', 'age1a', 'age1a', 'age1a'],
  [
    'has another key',
    'age1a',
    'age1b',
    'age1a, but the node says that it has age1b (if that is right: nsctl node trust alpha)',
  ],
  ['has said nothing', 'age1a', undefined, 'age1a, which the node has not said yet that it has'],
  ['is not trusted', undefined, 'age1b', 'nothing: age1b is not trusted yet (nsctl node trust alpha)'],
] as const)
  test(`a node that ${name}`, async () => {
    const text = await page({
      ...node,
      metadata: { ...node.metadata, name: 'alpha' },
      spec: { recipient: pinned },
      status: { ...node.status, recipient: said },
    } as unknown as AnyResource)
    assert.is(/^Sealed to +(.*)$/m.exec(text)?.[1], wanted)
  })

test('the diff of a Secret says which values changed, and shows no ciphertext', async () => {
  const merged = {
    ...secret,
    spec: {
      sealed: { user: sealed('u', '-again'), password: sealed('q', '-new'), added: sealed('a') },
      recipients: ['age1controlplane', 'age1ada'],
      immutable: false,
    },
  } as unknown as AnyResource
  const text = await renderDiff({ name: 'secret/db', live: secret, merged, source: 'db.yaml' })
  assert.not.match(text, 'PLANTED')
  matchesGolden('diff/secret.txt', text)
})

test('a Secret that is new shows versions only', async () => {
  const text = await renderDiff({ name: 'secret/db', merged: secret, source: 'db.yaml' })
  assert.not.match(text, 'PLANTED')
  assert.match(text, /^\+ {6}password: version pppppppppp$/m)
})

const at = (key: string, member: string, from?: string, to?: string): FieldChange => ({
  path: ['spec', 'sealed', key, member],
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
})
for (const [name, changes, wanted] of [
  [
    'a value that changed',
    [at('password', 'version', 'a', 'b'), at('password', 'age', CIPHERTEXT, `${CIPHERTEXT}x`)],
    'sealed.password changed',
  ],
  [
    'a value sealed to others',
    [at('password', 'age', CIPHERTEXT, `${CIPHERTEXT}x`)],
    'sealed.password sealed anew',
  ],
  [
    'a value that is new as a whole',
    [{ path: ['spec', 'sealed', 'tls.crt'], to: { version: 'a', age: CIPHERTEXT } }],
    'sealed["tls.crt"] added',
  ],
  [
    'a value that went',
    [{ path: ['spec', 'sealed', 'user'], from: { version: 'a', age: CIPHERTEXT } }],
    'sealed.user removed',
  ],
  [
    'other fields beside it',
    [
      at('password', 'age', CIPHERTEXT, `${CIPHERTEXT}x`),
      { path: ['spec', 'immutable'], from: false, to: true },
    ],
    'sealed.password sealed anew, immutable false → true',
  ],
  [
    'a recipient more',
    [
      at('password', 'age', CIPHERTEXT, `${CIPHERTEXT}x`),
      { path: ['spec', 'recipients'], from: ['age1a', 'age1b'], to: ['age1a', 'age1b', 'age1c'] },
    ],
    'sealed.password sealed anew, recipients 2 → 3',
  ],
  [
    'another recipient',
    [{ path: ['spec', 'recipients'], from: ['age1a'], to: ['age1b'] }],
    'recipients changed',
  ],
  [
    'recipients of another kind',
    [{ path: ['spec', 'recipients'], from: ['ada'], to: [] }],
    'recipients [ada] → []',
  ],
] as const)
  test(`the history tells of ${name}`, () => {
    assert.is(summarizeChanges(changes as readonly FieldChange[]), wanted)
  })

test.run()
