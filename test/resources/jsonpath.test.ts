import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { compilePath, findAll, renderJsonPath } from '../../src/resources/jsonpath.ts'

const list = {
  kind: 'List',
  items: [
    {
      metadata: { name: 'web-0', labels: { 'app.kubernetes.io/name': 'web', tier: 'front' } },
      status: { phase: 'Running', restarts: 3, ready: true, ports: [80, 443, 8080] },
    },
    { metadata: { name: 'web-1' }, status: { phase: 'Backoff', restarts: 0, ready: false, ports: [81] } },
    { metadata: { name: "o'neil" }, status: { phase: 'Running', restarts: 12.5, ready: true, ports: [] } },
  ],
}

for (const [template, wanted] of [
  ['{.kind}', 'List'],
  ['.kind', 'List'],
  ['kind', 'List'],
  ['{$.kind}', 'List'],
  ['{@.kind}', 'List'],
  ['{ .kind }', 'List'],
  ['{.items[*].metadata.name}', "web-0 web-1 o'neil"],
  ['{.items[0].metadata.name}', 'web-0'],
  ['{.items[-1].metadata.name}', "o'neil"],
  ['{.items[9].metadata.name}', ''],
  ['{.items[0:2].metadata.name}', 'web-0 web-1'],
  ['{.items[1:].metadata.name}', "web-1 o'neil"],
  ['{.items[:-1].metadata.name}', 'web-0 web-1'],
  ['{.items[-2:].metadata.name}', "web-1 o'neil"],
  ['{.items[::2].metadata.name}', "web-0 o'neil"],
  ['{.items[0,2].status.phase}', 'Running Running'],
  ['{.items[0].status.ports[0,-1]}', '80 8080'],
  ["{.items[0]['metadata','kind'].name}", 'web-0'],
  ["{.items[0].metadata.labels['app.kubernetes.io/name']}", 'web'],
  ['{.items[0].metadata.labels["app.kubernetes.io/name"]}', 'web'],
  ['{.items[0].metadata.labels.app\\.kubernetes\\.io/name}', 'web'],
  ['{.items[0].status.ports}', '[80,443,8080]'],
  ['{.items[1].metadata}', '{"name":"web-1"}'],
  ['{.items[?(@.status.phase=="Running")].metadata.name}', "web-0 o'neil"],
  ["{.items[?(@.status.phase!='Running')].metadata.name}", 'web-1'],
  ['{.items[?(@.status.restarts>2)].metadata.name}', "web-0 o'neil"],
  ['{.items[?(@.status.restarts<=3)].metadata.name}', 'web-0 web-1'],
  ['{.items[?(@.status.ready==true)].metadata.name}', "web-0 o'neil"],
  ['{.items[?(@.metadata.labels)].metadata.name}', 'web-0'],
  ['{.items[?(@.metadata.labels.tier)].metadata.name}', 'web-0'],
  ['{.items[?(@.metadata.name=="o\'neil")].status.restarts}', '12.5'],
  ['{.items[?(@.status.restarts==0 || @.status.restarts>10)].metadata.name}', "web-1 o'neil"],
  ['{.items[?(@.status.ready==true && @.status.restarts>10)].metadata.name}', "o'neil"],
  ['{.items[?((@.status.restarts>10))].metadata.name}', "o'neil"],
  ['{.items[0].status.ports[?(@>100)]}', '443 8080'],
  ['{..name}', "web-0 web-1 o'neil"],
  ['{.items[*].status..restarts}', '3 0 12.5'],
  ['{.items[0].status.*}', 'Running 3 true [80,443,8080]'],
  ['{range .items[*]}{.metadata.name}={.status.restarts}{"\\n"}{end}', "web-0=3\nweb-1=0\no'neil=12.5\n"],
  ['{range .items[*]}{range .status.ports[*]}{@},{end}{"\\t"}{end}', '80,443,8080,\t81,\t\t'],
  ['{range .items[*]}{$.kind}{end}', 'ListListList'],
  ['Names: {.items[*].metadata.name}!', "Names: web-0 web-1 o'neil!"],
  ['{\'a\'}{"b\\u0041"}', 'abA'],
  ['{.missing.deeper[0]}', ''],
  ['{.kind.deeper}', ''],
  [
    '{range .items[:1]}{.metadata.labels}{end}{.items[1:2].metadata}',
    '{"app.kubernetes.io/name":"web","tier":"front"}{"name":"web-1"}',
  ],
  ['{range .items[1].status.ports[*]}{}{end}', '81'],
  ['{.kind .items[0].metadata.name}', 'Listweb-0'],
  ['', ''],
] as const)
  test(`renderJsonPath ${template}`, () => assert.is(renderJsonPath(template, list), wanted))

for (const [template, column, words] of [
  ['{.items[0', 10, '] to close the ['],
  ['{.items[?(@.a==1)', 18, '] to close the filter'],
  ['{.items[?(@.a==)]}', 16, 'a path'],
  ['{.kind', 7, 'is not closed'],
  ['{end}', 1, '{end} without {range}'],
  ['{range .items[*]}{.a}', 22, 'not closed by {end}'],
  ['{.items[}', 9, 'an index'],
  ['{.items[::0]}', 12, 'step by 0'],
  ["{.items['a]}", 9, 'is not closed'],
  ['{.a..}', 6, 'a name'],
  ['{.a | .b}', 5, 'a path'],
  ['{.a b}', 5, 'starts with . or ['],
  ['{"\\u12"}', 5, 'hexadecimal'],
] as const)
  test(`a wrong template says where and why: ${template}`, () => {
    try {
      renderJsonPath(template, list)
      assert.unreachable()
    } catch (error) {
      assert.ok(isNsctlError(error, 'Usage'), String(error))
      assert.match(error.message, `column ${column}: `)
      assert.match(error.message, words)
      assert.ok(error.next)
    }
  })

test("findAll takes kubectl's relaxed forms and finds nothing in nothing", () => {
  for (const path of ['{.items[1].metadata.name}', '.items[1].metadata.name', 'items[1].metadata.name'])
    assert.equal(findAll(list, path), ['web-1'])
  assert.equal(findAll(undefined, '.a.b'), [])
  assert.equal(findAll(list, '.items[*].nothing'), [])
  assert.throws(() => findAll(list, '{.a}{.b}'), /one path/)
})

test('a compiled path does not see what an object inherits', () => {
  assert.equal(compilePath('.constructor.name').find({}), [])
  assert.equal(compilePath('.__proto__').find({}), [])
})

test('descending is not bounded by the stack', () => {
  let deep: unknown = { name: 'x' }
  for (let i = 0; i < 50_000; i++) deep = { child: deep }
  assert.equal(findAll(deep, '{..name}'), ['x'])
})

test('nothing but a Usage error is ever thrown', () => {
  const part = fc.constantFrom(
    '{',
    '}',
    '.',
    '..',
    '[',
    ']',
    '(',
    ')',
    '?',
    '@',
    '$',
    '*',
    ',',
    ':',
    '==',
    '!=',
    '<',
    '>=',
    '&&',
    '||',
    "'",
    '"',
    '\\',
    'range',
    'end',
    'items',
    'metadata',
    'name',
    '0',
    '-1',
    '1.5',
    ' ',
    '\n',
    'é',
    '\u{1f600}',
    'true',
    'null',
  )
  const template = fc.oneof(
    fc.array(part, { maxLength: 24 }).map((parts) => parts.join('')),
    fc.string(),
  )
  const quiet = (run: () => unknown) => {
    try {
      run()
    } catch (error) {
      if (!isNsctlError(error, 'Usage')) throw error
    }
  }
  fc.assert(
    fc.property(template, fc.jsonValue(), (text, value) => {
      quiet(() => renderJsonPath(text, value))
      quiet(() => findAll(list, text))
    }),
    { numRuns: 2000 },
  )
})

test.run()
