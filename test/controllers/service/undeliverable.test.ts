import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type UndeliverableInput, undeliverable } from '../../../src/controllers/service/undeliverable.ts'
import type { Instance, Node, Secret } from '../../../src/resources/generated/types.ts'
import { secretVersion } from '../../../src/resources/materials.ts'

const sealed = { spec: { sealed: { key: { version: 'aaaaaaaaaa', age: '' } } } }
const version = secretVersion(sealed as unknown as Secret)
const db = { kind: 'Secret', name: 'db', version } as const
const old = { ...db, version: 'old' }
const openable = (status: string, message = '') => ({
  conditions: [{ type: 'Openable', status, message }],
  version,
})
const secret = (status: object) => ({ ...sealed, metadata: { name: 'db' }, status }) as unknown as Secret
const node = (pinned?: string, reported?: string) =>
  ({
    metadata: { name: 'vm' },
    spec: { recipient: pinned },
    status: { recipient: reported },
  }) as unknown as Node
const instance = (materials: readonly object[], templateHash = 'before') =>
  ({ metadata: { name: 'web-0' }, spec: { templateHash, materials } }) as unknown as Instance

const input = (over: Partial<UndeliverableInput> & { readonly status?: object }): UndeliverableInput => ({
  materials: [db],
  hash: 'now',
  live: [instance([old])],
  stopsFirst: false,
  secretOf: () => secret(over.status ?? openable('True')),
  node: node('a', 'a'),
  ...over,
})
const lost = openable('False', 'the identity is lost')

for (const [name, over, want] of [
  ['a value that can be given', {}, undefined],
  ['one that cannot be opened', { status: lost }, { message: 'secret/db: the identity is lost' }],
  [
    'one that nobody has looked at',
    { status: { ...openable('True'), version: 'old' } },
    { message: undefined },
  ],
  ['one that cannot be opened, where nothing runs', { status: lost, live: [] }, undefined],
  ['one that runs as it is wanted', { status: lost, live: [instance([db], 'now')] }, undefined],
  ['one that runs with another template', { status: lost, live: [instance([db])] }, undefined],
  [
    'one that would end first',
    { status: lost, live: [instance([db])], stopsFirst: true },
    { message: 'secret/db: the identity is lost' },
  ],
  [
    'a node with another key',
    { node: node('a', 'b') },
    {
      message:
        'secret/db: node/vm has another key than the one that is pinned: if that is right, nsctl node trust vm',
    },
  ],
  [
    'a node without a key',
    { node: node() },
    { message: 'secret/db: node/vm says of no key to seal to: once its agent does, nsctl node trust vm' },
  ],
  ['no node', { node: undefined }, undefined],
] as const)
  test(`${want === undefined ? 'goes on' : 'waits'} with ${name}`, () =>
    assert.equal(undeliverable(input(over)), want))

test.run()
