import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEnvFile } from '../../src/client/env-file.ts'
import { isNsctlError } from '../../src/core/errors.ts'

const test = suite('parseEnvFile')

const read = (text: string, env = {}) =>
  parseEnvFile(Buffer.from(text), 'db.env', env).map(({ name, value }) => [
    name,
    Buffer.from(value).toString(),
  ])

for (const c of [
  {
    name: 'reads names and values',
    text: 'USER=shop\nPASSWORD=x\n',
    want: [
      ['USER', 'shop'],
      ['PASSWORD', 'x'],
    ],
  },
  { name: 'keeps all behind the first =', text: 'URL=a=b&c=d', want: [['URL', 'a=b&c=d']] },
  { name: 'keeps quotes and blanks of a value', text: 'A= "x" ', want: [['A', ' "x" ']] },
  { name: 'takes blanks away in front of a name', text: '  \tA=1', want: [['A', '1']] },
  { name: 'leaves out comments and empty lines', text: '# x\n\n  # y\nA=1\n   \n', want: [['A', '1']] },
  {
    name: 'ends lines with CR LF as well',
    text: 'A=1\r\nB=\r\n',
    want: [
      ['A', '1'],
      ['B', ''],
    ],
  },
  { name: 'leaves out a byte order mark', text: '\uFEFFA=1', want: [['A', '1']] },
  {
    name: 'takes a line without = from the environment',
    text: 'HOME\n',
    env: { HOME: '/h' },
    want: [['HOME', '/h']],
  },
  { name: 'takes what the environment lacks as empty', text: 'NOPE', want: [['NOPE', '']] },
  { name: 'knows names with dots and dashes', text: 'a.b-c=1', want: [['a.b-c', '1']] },
  { name: 'finds nothing in an empty file', text: '', want: [] },
])
  test(c.name, () => assert.equal(read(c.text, c.env), c.want))

for (const c of [
  { name: 'a value that goes on in the next line', text: 'KEY=-----BEGIN\nhunter2 x\n', line: 2 },
  { name: 'a name that begins with a digit', text: '9hunter2=1', line: 1 },
  { name: 'a line without a name', text: 'A=1\n=hunter2', line: 2 },
  { name: 'export', text: 'export A=hunter2', line: 1 },
])
  test(`refuses ${c.name} and does not repeat it`, () => {
    try {
      read(c.text)
    } catch (error) {
      if (!isNsctlError(error, 'Invalid')) throw error
      assert.is(error.message, `db.env:${c.line}: begins with no name of a variable`)
      assert.not.match(JSON.stringify(error), 'hunter2')
      return
    }
    assert.unreachable()
  })

test('refuses what is not UTF-8', () => {
  assert.throws(
    () => parseEnvFile(Buffer.from([0x41, 0x3d, 0xff]), 'db.env', {}),
    (error: Error) => error.message === 'db.env:1: is not UTF-8',
  )
})

test.run()
