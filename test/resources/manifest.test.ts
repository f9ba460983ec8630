import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, type NsctlError } from '../../src/core/errors.ts'
import {
  MAX_SOURCE_BYTES,
  type ManifestFormat,
  parseManifests,
  toYaml,
} from '../../src/resources/manifest.ts'

const HEAD = 'apiVersion: nsctl.dev/v1alpha1\nkind: Service\nmetadata: {name: web}\n'
const JSON_HEAD = '"apiVersion":"nsctl.dev/v1alpha1","kind":"Service","metadata":{"name":"web"}'

async function objects(text: string | Uint8Array, format: ManifestFormat = 'auto'): Promise<unknown[]> {
  return (await parseManifests(text, { source: 'shop/web.yaml', format })).map(({ object }) => object)
}

async function failure(text: string | Uint8Array, format: ManifestFormat = 'auto'): Promise<NsctlError> {
  try {
    await parseManifests(text, { source: 'shop/web.yaml', format })
  } catch (error) {
    if (isNsctlError(error)) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const web = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Service', metadata: { name: 'web' } }

for (const [name, text, wanted] of [
  ['one document', HEAD, [web]],
  [
    'several, with empty ones and comments between',
    `# a\n---\n---\n${HEAD}---\n# b\n---\n${HEAD}...\n`,
    [web, web],
  ],
  ['nothing', '', []],
  ['comments only', '# nothing\n# here\n', []],
  ['null', 'null\n', []],
  ['a byte order mark and CRLF', `\ufeff${HEAD.replaceAll('\n', '\r\n')}`, [web]],
  ['bytes', new TextEncoder().encode(HEAD), [web]],
  ['JSON', `{${JSON_HEAD}}`, [web]],
  ['JSON, one after the other', `{${JSON_HEAD}}\n{${JSON_HEAD}}\n`, [web, web]],
  [
    'YAML that starts like JSON',
    '{apiVersion: nsctl.dev/v1alpha1, kind: Service, metadata: {name: web}}',
    [web],
  ],
  ['a List', `apiVersion: v1\nkind: List\nitems:\n- ${HEAD.trim().replaceAll('\n', '\n  ')}\n`, [web]],
  ['a List in JSON', `{"apiVersion":"v1","kind":"List","items":[{${JSON_HEAD}}]}`, [web]],
  ['an empty List', 'apiVersion: v1\nkind: List\nitems: []\n', []],
  [
    'an alias and a merge',
    `${HEAD}x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x\n`,
    [{ ...web, x: { a: 1, b: 2 }, y: { a: 1, b: 3 }, z: { a: 1, b: 2 } }],
  ],
  [
    'a key that looks like a number',
    `${HEAD}spec: {8080: a, true: b, 1.10: c}\n`,
    [{ ...web, spec: { '8080': 'a', true: 'b', '1.10': 'c' } }],
  ],
] as const)
  test(`reads ${name}`, async () => assert.equal(await objects(text), wanted))

test('scalars are those of YAML 1.2', async () => {
  const [object] = await objects(
    `${HEAD}spec: [yes, no, on, off, 0o7, 017, 0x1F, 1e3, 1.50, ~, null, true, 2026-01-01, "8080", -0, 1_000]\n`,
  )
  assert.equal((object as { spec: unknown }).spec, [
    'yes',
    'no',
    'on',
    'off',
    7,
    17,
    31,
    1000,
    1.5,
    null,
    null,
    true,
    '2026-01-01',
    '8080',
    0,
    '1_000',
  ])
})

test('an alias is a copy: what changes one does not change the other', async () => {
  const [object] = (await objects(`${HEAD}x: &x {a: 1}\ny: *x\n`)) as [{ x: object; y: object }]
  assert.is.not(object.x, object.y)
})

for (const [name, text, position, words] of [
  ['a list that is not closed', `${HEAD}spec:\n  a: [1\n  b: 2\n`, '6:3', 'not YAML'],
  ['a mapping in a line', `${HEAD}spec: a: b\n`, '4:7', 'not YAML'],
  ['a tab for indentation', `${HEAD}spec:\n\ta: 1\n`, '5:1', 'a tab indents this line'],
  ['a duplicate key', `${HEAD}spec:\n  a: 1\n  b: 2\n  a: 3\n`, '7:3', 'duplicate key "a"'],
  [
    'a duplicate key in JSON',
    `{${JSON_HEAD},\n"spec":{"a":1,"b\\n:":2,\n "a":3}}`,
    '3:2',
    'duplicate key "a"',
  ],
  [
    'an escaped duplicate key in JSON',
    `{${JSON_HEAD},\n"spec":{"a":1,"\\u0061":3}}`,
    '2:15',
    'duplicate key "a"',
  ],
  ['malformed JSON', `{${JSON_HEAD},\n "spec" 1}`, '2:9', 'not JSON'],
  ['truncated JSON', `{${JSON_HEAD}`, '1:78', 'not JSON'],
  ['text after JSON', `{${JSON_HEAD}} x`, '1:81', 'not JSON'],
  ['a word', 'hello\n', '1:1', 'must be an object'],
  ['a list', '- a\n- b\n', '1:1', 'must be an object'],
  [
    'an item of a List that is a word',
    'apiVersion: v1\nkind: List\nitems: [web]\n',
    '3:9',
    'must be an object',
  ],
  ['items that are no list', 'apiVersion: v1\nkind: List\nitems: {a: 1}\n', '3:8', 'items: must be a list'],
  ['no apiVersion', 'kind: Service\nmetadata: {name: web}\n', '1:1', 'apiVersion is missing'],
  ['no kind', 'apiVersion: x/v1\nmetadata: {name: web}\n', '1:1', 'kind is missing'],
  ['a misspelled kind', 'apiVersion: x/v1\nkin: Service\nmetadata: {name: web}\n', '2:1', 'kind is missing'],
  [
    'a kind that is a number',
    'apiVersion: x/v1\nkind: 1\nmetadata: {name: web}\n',
    '2:7',
    'kind: must be a string, not a number',
  ],
  ['no metadata', 'apiVersion: x/v1\nkind: Service\n', '1:1', 'metadata is missing'],
  [
    'metadata that is a word',
    'apiVersion: x/v1\nkind: Service\nmetadata: web\n',
    '3:11',
    'metadata: must be an object',
  ],
  ['no name', 'apiVersion: x/v1\nkind: Service\nmetadata:\n  nmae: web\n', '4:3', 'metadata.name is missing'],
  ['a control character', `${HEAD}spec: "a\x07"\n`, '4:9', 'control character U+0007'],
  ['NUL', `${HEAD}spec: "\0"\n`, '4:8', 'control character U+0000'],
  ['__proto__', `${HEAD}spec: {__proto__: {polluted: 1}}\n`, '4:8', '__proto__ is not allowed'],
  [
    '__proto__ in JSON',
    `{${JSON_HEAD},"spec":{"__proto__":{"polluted":1}}}`,
    '1:87',
    '__proto__ is not allowed',
  ],
  [
    '__proto__ spelled with escapes',
    `{${JSON_HEAD},"spec":{"\\u005f_proto__":1}}`,
    '1:87',
    '__proto__ is not allowed',
  ],
  ['a tag', `${HEAD}spec: !!binary aGk=\n`, '4:16', 'tags are not supported'],
  ['infinity', `${HEAD}spec: .inf\n`, '4:7', 'no number that JSON has'],
  ['too many digits', `${HEAD}spec: 12345678901234567890\n`, '4:7', 'too many digits'],
  ['an unknown alias', `${HEAD}spec: *nowhere\n`, '4:7', 'nowhere'],
  ['an alias in itself', `${HEAD}spec: &a [*a]\n`, '4:11', 'inside of itself'],
  ['a key that is a list', `${HEAD}? [a]\n: 1\n`, '4:3', 'a key must be text'],
  ['an empty key', `${HEAD}spec: {: 1}\n`, '4:', 'a key must be text'],
  ['a merge of a word', `${HEAD}spec: {<<: x}\n`, '4:12', '<< merges objects'],
  ['deep nesting', `${HEAD}spec: ${'['.repeat(50_000)}`, '4:', 'nested more than 100 levels'],
  [
    'deep nesting in blocks',
    `${HEAD}spec:\n${Array.from({ length: 200 }, (_, i) => `${' '.repeat(i + 1)}a:\n`).join('')}`,
    '105:',
    'nested more than 100 levels',
  ],
  ['deep nesting in JSON', `{"a":`.repeat(50_000), '1:501', 'nested more than 100 levels'],
] as const)
  test(`refuses ${name}, with its place`, async () => {
    const error = await failure(text)
    assert.is(error.code, 'Invalid')
    assert.match(error.issues[0] ?? '', `shop/web.yaml:${position}`)
    assert.match(error.issues[0] ?? '', words)
    assert.is(({} as Record<string, unknown>).polluted, undefined)
  })

test('an error shows the lines around it and a marker', async () => {
  const error = await failure(`${HEAD}spec:\n  replicas: 1\n  template: {}\n  replicas: 2\n`)
  assert.is(error.message, 'shop/web.yaml:7:3: duplicate key "replicas"')
  assert.equal(error.issues, [
    `shop/web.yaml:7:3: duplicate key "replicas"
   5 |   replicas: 1
   6 |   template: {}
   7 |   replicas: 2
         ^^^^^^^^ first in line 5`,
  ])
})

test('all faults of a text are reported', async () => {
  const error = await failure('kind: A\n---\napiVersion: x/v1\nmetadata: {}\n')
  assert.is(error.issues.length, 4)
  assert.match(error.message, '4 faults in shop/web.yaml')
})

test('bytes that are not UTF-8 are named', async () => {
  const latin = Buffer.concat([Buffer.from(`${HEAD}# caf`), Buffer.from([0xe9]), Buffer.from('\n')])
  const error = await failure(latin)
  assert.match(error.message, 'shop/web.yaml:4:6: byte 0xE9 is not UTF-8')
  assert.match((await failure(Buffer.from(`\ufeff${HEAD}`, 'utf16le'))).message, 'UTF-16')
})

test('a text beyond the limit is refused, with its size', async () => {
  const error = await failure('a: b\n'.repeat(2 * 2 ** 20))
  assert.is(error.code, 'TooLarge')
  assert.match(error.message, /10Mi of manifests.*at most 8Mi/)
  assert.is(error.value, 10 * 2 ** 20)
  assert.ok(MAX_SOURCE_BYTES < 10 * 2 ** 20)
})

test('an alias bomb is refused before it is expanded', async () => {
  const letters = [...'abcdefghijklmnop']
  const bomb = letters.map(
    (name, i) =>
      `${name}: &${name} [${Array(9)
        .fill(i === 0 ? 'x' : `*${letters[i - 1]}`)
        .join(',')}]\n`,
  )
  const error = await failure(HEAD + bomb.join(''))
  assert.match(error.message, 'alias bomb')
  const merges = letters.map(
    (name, i) =>
      `${name}: &${name} {${i === 0 ? 'x: 1' : `<<: *${letters[i - 1]}, y: *${letters[i - 1]}`}}\n`,
  )
  assert.match((await failure(HEAD + merges.join(''))).message, 'alias bomb')
})

test('fifty thousand keys are compared in no quadratic time', async () => {
  const startedMs = process.cpuUsage().user / 1000
  const wide = Array.from({ length: 50_000 }, (_, i) => `  k${i}: x\n`).join('')
  assert.match((await failure(`${HEAD}spec:\n${wide}  k0: y\n`)).message, 'duplicate key "k0"')
  assert.ok(process.cpuUsage().user / 1000 - startedMs < 15_000)
})

for (const [name, text, path, onKey, place] of [
  [
    'a key',
    `${HEAD}spec:\n  template:\n    memroy: 1\n`,
    ['spec', 'template', 'memroy'],
    true,
    [6, 5, '^^^^^^'],
  ],
  [
    'a value',
    `${HEAD}spec:\n  template:\n    memroy: 128\n`,
    ['spec', 'template', 'memroy'],
    false,
    [6, 13, '^^^'],
  ],
  ['an item', `${HEAD}spec: {l: [a, bc]}\n`, ['spec', 'l', 1], false, [4, 15, '^^']],
  [
    'what is missing: its parent',
    `${HEAD}spec:\n  template: {}\n`,
    ['spec', 'template', 'source'],
    false,
    [5, 3, '^^^^^^^^'],
  ],
  ['through an alias', `${HEAD}x: &x {a: 1}\ny: *x\n`, ['y', 'a'], true, [4, 8, '^']],
  ['through a merge', `${HEAD}x: &x {a: 1}\ny: {<<: *x}\n`, ['y', 'a'], false, [4, 11, '^']],
  [
    'a key in JSON',
    `{${JSON_HEAD},\n "spec": {"a\\"b": [1, {"c": "de"}]}}`,
    ['spec', 'a"b', 1, 'c'],
    true,
    [2, 24, '^^^'],
  ],
  [
    'a value in JSON',
    `{${JSON_HEAD},\n "spec": {"a\\"b": [1, {"c": "de"}]}}`,
    ['spec', 'a"b', 1, 'c'],
    false,
    [2, 29, '^^^^'],
  ],
  [
    'the second document in JSON',
    `{${JSON_HEAD}}\n{${JSON_HEAD.replace('web', 'api')}}`,
    ['metadata', 'name'],
    false,
    [2, 72, '^^^^^'],
  ],
  [
    'in a List',
    `apiVersion: v1\nkind: List\nitems:\n- ${HEAD.trim().replaceAll('\n', '\n  ')}\n`,
    ['metadata', 'name'],
    false,
    [6, 20, '^^^'],
  ],
] as const)
  test(`locates ${name}`, async () => {
    const parsed = await parseManifests(text, { source: 'x' })
    const location = parsed.at(-1)?.locate?.(path, onKey)
    assert.equal([location?.line, location?.column], place.slice(0, 2))
    assert.match(
      location?.excerpt.split('\n').at(-1) ?? '',
      new RegExp(`^ *${place[2].replaceAll('^', '\\^')}$`),
    )
  })

test('an excerpt cuts long lines and cannot steer the terminal', async () => {
  const [long] = await parseManifests(`{${JSON_HEAD},"spec":{"a":"${'x'.repeat(5000)}","b":1}}`, {
    source: 'x',
  })
  const location = long?.locate?.(['spec', 'b'], true)
  const lines = location?.excerpt.split('\n') ?? []
  assert.ok(lines.every((line) => line.length < 120))
  const [line = '', marker = ''] = lines
  assert.is(line.slice(marker.indexOf('^'), marker.lastIndexOf('^') + 1), '"b"')
  const [sly] = await parseManifests(`${HEAD}spec: "\u202eabc"\n`, { source: 'x' })
  assert.not.match(sly?.locate?.(['spec'], false)?.excerpt ?? '', '\u202e')
})

test('toYaml orders the members and quotes what YAML 1.1 would take for something else', async () => {
  const text = await toYaml({
    status: { ready: 'yes' },
    spec: { list: ['a', { b: '1e3' }], text: 'a\nb\n' },
    metadata: { name: 'web' },
    kind: 'Service',
    apiVersion: 'nsctl.dev/v1alpha1',
  })
  assert.is(
    text,
    `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata:
  name: web
spec:
  list:
  - a
  - b: "1e3"
  text: |
    a
    b
status:
  ready: "yes"
`,
  )
})

test('what toYaml writes is read back as it was', async () => {
  const word = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'yes',
      'no',
      'null',
      '~',
      '1e3',
      '0o7',
      '.inf',
      '<<',
      '- a',
      'a: b',
      '# c',
      ' x ',
      '\t',
      '\r\n',
      'a\r\nb',
      '\n',
      'a\n\n',
      '\u2028',
      '\ufeff',
      '\u0085',
      '\u007f',
      '\u009f',
      '"',
      "'",
      '|',
      '>',
      '%a',
      '@',
      '`',
      '---',
      '...',
      '?',
      '!t',
      '&a',
      '*a',
      '{}',
      '[]',
    ),
  )
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      word,
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('node')),
      fc.dictionary(
        word.filter((key) => key !== '__proto__'),
        tie('node'),
      ),
    ),
  })).node
  await fc.assert(
    fc.asyncProperty(value, async (spec) => {
      const object = { ...web, spec }
      const plain = JSON.parse(JSON.stringify(object))
      assert.equal(await objects(await toYaml(object), 'yaml'), [plain])
      assert.equal(await objects(JSON.stringify(object)), [plain])
    }),
    { numRuns: 500 },
  )
})

test('whatever the text, only an NsctlError is thrown', async () => {
  const part = fc.constantFrom(
    'a',
    ': ',
    ':',
    '- ',
    '\n',
    '  ',
    '\t',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '&a ',
    '*a',
    '<<: ',
    '!t ',
    '|\n',
    '>-\n',
    '# ',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '? ',
    'kind: List\n',
    'apiVersion: v1\n',
    'items:\n',
    '__proto__',
    '\u{1f600}',
    '\\u0041',
    '1',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 30 }),
      fc.constantFrom('yaml', 'json', 'auto'),
      async (parts, format) => {
        try {
          for (const { locate } of await parseManifests(parts.join(''), {
            source: 'x',
            format: format as ManifestFormat,
          }))
            locate?.(['a', 0, 'b'], true)
        } catch (error) {
          if (!isNsctlError(error, 'Invalid')) throw error
        }
      },
    ),
    { numRuns: 3000 },
  )
})

for (const indent of [0, 2, 4]) {
  test(`a member that is there twice is found in JSON that is written with an indent of ${indent}, wherever it stands`, async () => {
    const object = {
      apiVersion: 'v1',
      kind: 'Thing',
      metadata: { name: 'a' },
      spec: { deep: [{ b: 1, c: { d: 'e: "f"' } }] },
    }
    const text = JSON.stringify(object, null, indent)
    const parsed = await parseManifests(text, { source: 'a.json' })
    assert.equal(parsed[0]?.object, object)
    for (const [member, twice] of [
      [/"b": ?1/, (found: string) => `${found},${found}`],
      [/"name": ?"a"/, (found: string) => `${found},"n\\u0061me":"b"`],
      [/"kind": ?"Thing"/, (found: string) => `${found},${found}`],
    ] as const) {
      const broken = text.replace(member, twice)
      assert.is.not(broken, text)
      try {
        await parseManifests(broken, { source: 'a.json' })
        assert.unreachable(broken)
      } catch (error) {
        assert.match((error as Error).message, /duplicate key/, broken)
      }
    }
  })
}

test.run()
