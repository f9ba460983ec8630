import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newIdentity } from '../../../src/secrets/identity.ts'
import { readSops } from '../../../src/secrets/sources/sops.ts'
import { faultOf } from '../faults.ts'
import { dotenvOf, encryptTree, jsonOf, type SopsParts, type Tree, yamlOf } from './sops-writer.ts'

const anna = await newIdentity()
const ben = await newIdentity()
const recipients = [ben.recipient, anna.recipient]
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const read = async (text: string, identities = [anna]) =>
  Object.fromEntries(
    [...(await readSops(bytes(text), identities, 'secrets.yaml'))].map(([key, value]) => [
      key,
      Buffer.from(value).toString(),
    ]),
  )

const NESTED: Tree = [
  ['password', 'a planted secret\nof two lines'],
  // an object of JavaScript would put these in another order
  ['10', 'ten'],
  ['9', 'nine'],
  ['port', 5432],
  ['ratio', 0.25],
  ['on', true],
  ['off', false],
  ['empty', ''],
  ['nothing', null],
  ['hosts', ['one', 'two', 3]],
  [
    'db',
    [
      ['user', 'anna'],
      [
        'deep',
        [
          ['token', 'x'],
          ['list', ['y', null, 'z']],
        ],
      ],
    ],
  ],
  ['size_unencrypted', 12345678901234567890n as unknown as number],
  ['tiny_unencrypted', 0.00000025],
  ['name_unencrypted', 'ENC'],
]
const VALUES = {
  password: 'a planted secret\nof two lines',
  '10': 'ten',
  '9': 'nine',
  port: '5432',
  ratio: '0.25',
  on: 'true',
  off: 'false',
  empty: '',
  'hosts.0': 'one',
  'hosts.1': 'two',
  'hosts.2': '3',
  'db.user': 'anna',
  'db.deep.token': 'x',
  'db.deep.list.0': 'y',
  'db.deep.list.2': 'z',
}

for (const macOnlyEncrypted of [false, true])
  test(`YAML is read, with lists, maps and values of every type${macOnlyEncrypted ? ', with a MAC of what is encrypted' : ''}`, async () => {
    const tree = NESTED.filter(([key]) => key !== 'tiny_unencrypted')
    const parts = await encryptTree(tree, { recipients, macOnlyEncrypted })
    assert.equal(await read(yamlOf(parts)), {
      ...VALUES,
      size_unencrypted: '12345678901234567890',
      name_unencrypted: 'ENC',
    })
    assert.equal(Object.keys(await read(yamlOf(parts), [ben])).length, 17)
  })

test('JSON is read, in its order, and tabs are no fault', async () => {
  const tree = NESTED.filter(([key]) => !key.endsWith('_unencrypted'))
  assert.equal(await read(jsonOf(await encryptTree(tree, { recipients }))), VALUES)
})

test('a file of the format binary is one value', async () => {
  assert.equal(await read(jsonOf(await encryptTree([['data', 'anything']], { recipients }))), {
    data: 'anything',
  })
})

test('dotenv is read', async () => {
  const tree: Tree = [
    ['PASSWORD', 'two\nlines = x'],
    ['EMPTY', ''],
    ['LEVEL_unencrypted', 'info\nx'],
  ]
  const parts = await encryptTree(tree, { recipients })
  assert.equal(await read(dotenvOf(parts)), {
    PASSWORD: 'two\nlines = x',
    EMPTY: '',
    LEVEL_unencrypted: 'info\nx',
  })
})

const TREE: Tree = [
  ['a', 'planted one'],
  ['b', 'planted two'],
  ['note_unencrypted', 'planted three'],
  ['port_unencrypted', 8080],
]
const changedBy = (change: (parts: SopsParts) => void) => async () => {
  const parts = await encryptTree(TREE, { recipients })
  change(parts)
  return yamlOf(parts)
}
const entryOf = (parts: SopsParts, key: string) =>
  parts.tree.find(([name]) => name === key) as [string, unknown]

const MAC = 'secrets.yaml was changed by somebody else than sops: its MAC does not fit its values'
for (const [name, make, message] of [
  [
    'two values are swapped',
    changedBy((parts) => {
      const [a, b] = [entryOf(parts, 'a'), entryOf(parts, 'b')]
      ;[a[1], b[1]] = [b[1], a[1]]
    }),
    'secrets.yaml: the value of a is damaged or was moved here',
  ],
  [
    'a value is renamed',
    changedBy((parts) => {
      entryOf(parts, 'a')[0] = 'c'
    }),
    'secrets.yaml: the value of c is damaged or was moved here',
  ],
  [
    'a value is changed',
    changedBy((parts) => {
      const a = entryOf(parts, 'a')
      a[1] = String(a[1]).replace(/data:./, (found) => (found === 'data:A' ? 'data:B' : 'data:A'))
    }),
    'secrets.yaml: the value of a is damaged or was moved here',
  ],
  [
    'a value is put in the open',
    changedBy((parts) => {
      entryOf(parts, 'a')[1] = 'planted'
    }),
    MAC,
  ],
  [
    'a value is emptied',
    changedBy((parts) => {
      entryOf(parts, 'a')[1] = ''
    }),
    MAC,
  ],
  [
    'a value is removed',
    changedBy((parts) => {
      parts.tree.shift()
    }),
    MAC,
  ],
  [
    'a value is added',
    changedBy((parts) => {
      parts.tree.push(['c_unencrypted', 'planted'])
    }),
    MAC,
  ],
  [
    'the order is changed',
    changedBy((parts) => {
      parts.tree.reverse()
    }),
    MAC,
  ],
  [
    'a readable value is changed',
    changedBy((parts) => {
      entryOf(parts, 'port_unencrypted')[1] = 8081
    }),
    MAC,
  ],
  [
    'the time is changed',
    changedBy((parts) => {
      parts.sops.lastmodified = '2026-01-02T03:04:06Z'
    }),
    MAC,
  ],
  [
    'the MAC is removed',
    changedBy((parts) => {
      delete parts.sops.mac
    }),
    MAC,
  ],
  [
    'the MAC is for less',
    changedBy((parts) => {
      parts.sops.mac_only_encrypted = true
    }),
    MAC,
  ],
  [
    'it is for others',
    async () => yamlOf(await encryptTree(TREE, { recipients: [ben.recipient] })),
    'secrets.yaml is not sealed to the identity at hand',
  ],
  [
    'it is for another kind of key',
    changedBy((parts) => {
      delete parts.sops.age
    }),
    'secrets.yaml is not encrypted for age',
  ],
  [
    'its data key is damaged',
    changedBy((parts) => {
      for (const entry of parts.sops.age as { enc: string }[]) entry.enc = entry.enc.slice(0, 100)
    }),
    'secrets.yaml is cut off: its last line is missing',
  ],
  [
    'it needs several groups',
    changedBy((parts) => {
      parts.sops.key_groups = [
        { recipient: 'x', enc: 'y' },
        { recipient: 'x', enc: 'y' },
      ]
    }),
    'secrets.yaml needs keys of several groups, which nsctl cannot join',
  ],
  [
    'it was never encrypted',
    async () => 'a: planted\n',
    'secrets.yaml is no file of sops: it does not say how it was encrypted',
  ],
  [
    'it is a list',
    async () => '- planted\n',
    'secrets.yaml is no file of sops: it does not say how it was encrypted',
  ],
  ['it is empty', async () => '', 'secrets.yaml is no YAML, JSON or dotenv file of sops'],
  ['it is broken', async () => 'a: "planted\n', 'secrets.yaml is no YAML, JSON or dotenv file of sops'],
  [
    'it is bytes',
    async () => '\x00\x01planted',
    'secrets.yaml is no file of sops: it does not say how it was encrypted',
  ],
  [
    'it has aliases',
    async () => 'a: &x planted\nb: *x\nsops: {}\n',
    'secrets.yaml is no YAML, JSON or dotenv file of sops',
  ],
  [
    'it has two documents',
    async () => 'a: planted\n---\nb: planted\n',
    'secrets.yaml holds more than one document',
  ],
  ['a line is no pair', async () => 'planted\nsops_mac=x\n', 'secrets.yaml:1: this line is no NAME=VALUE'],
] as const)
  test(`a file is refused and not quoted where ${name}`, async () => {
    const fault = await faultOf(read(await make()))
    assert.is(fault.message, message)
    assert.not.match(inspect(fault, { depth: 9 }), 'planted')
  })

test('keys that no Secret can have are refused by name', async () => {
  const parts = await encryptTree([['clé', 'planted']], { recipients })
  const fault = await faultOf(read(yamlOf(parts)))
  assert.is(fault.message, '"clé" cannot be a key of a Secret')
  const twice = await encryptTree(
    [
      ['a.b', 'planted'],
      ['a', [['b', 'planted']]],
    ],
    { recipients },
  )
  assert.is((await faultOf(read(yamlOf(twice)))).message, 'secrets.yaml: two values would have the key a.b')
})

test.run()
