/** Every wrong input is refused in words that help, with exit code 2, and nothing of it is applied. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, service } from './nsctl.ts'

const home = createHome()
test.after(() => home.remove())

const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'].map((pair) => [...pair]))
  bomb.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(', ')}]`)

const cases = [
  {
    name: 'malformed YAML',
    manifest: 'apiVersion: nsctl.dev/v1alpha1\nkind: Service\nmetadata: {name: web\n',
    want: [/^error: bad\.yaml:\d+:\d+: not YAML: /, /\n +\d+ \| metadata: \{name: web\n/, /\^/],
  },
  {
    name: 'an unknown field',
    manifest: service('web', '    resources: {memroy: 128Mi}\n'),
    want: [
      /^error: bad\.yaml:10:17: spec\.template\.resources\.memroy: unknown field\n/,
      /10 \| {5}resources: \{memroy: 128Mi\}\n +\^{6} did you mean "memory"\?\n/,
      /nothing was applied\. See: nsctl explain service\.spec\.template\.resources\n$/,
    ],
  },
  {
    name: 'a wrong type',
    manifest: service('web').replace('replicas: 2', 'replicas: two'),
    want: [/bad\.yaml:7:13: spec\.replicas: must be an integer, not the string "two"/],
  },
  {
    name: 'a missing required field',
    manifest: service('web').replace(/ {2}template:.*$/s, ''),
    want: [/spec\.template: is required/],
  },
  {
    name: 'an unknown kind',
    manifest: service('web').replace('kind: Service', 'kind: Servce'),
    want: [/bad\.yaml:2:7: kind: there is no kind .*Servce/, /did you mean "Service"\?/],
  },
  {
    name: 'duplicate keys',
    manifest: service('web').replace('  name: web\n', '  name: web\n  name: wob\n'),
    want: [/bad\.yaml:5:3: duplicate key "name"/, /first in line 4/],
  },
  { name: 'an alias bomb', manifest: bomb.join('\n'), want: [/an alias bomb/] },
  {
    name: '10 MB of YAML',
    manifest: `${service('web')}# ${'x'.repeat(10_000_000)}\n`,
    want: [/at most 8Mi/, /nothing was applied/],
  },
  {
    name: 'a name that is no DNS label',
    manifest: service('Web_1'),
    want: [/bad\.yaml:4:9: metadata\.name: must be a DNS label .*not "Web_1"/],
  },
  {
    name: 'negative replicas',
    manifest: service('web').replace('replicas: 2', 'replicas: -1'),
    want: [/bad\.yaml:7:13: spec\.replicas: must be at least 0, not -1/],
  },
  {
    name: 'a kind in lower case',
    manifest: service('web').replace('kind: Service', 'kind: service'),
    want: [/bad\.yaml:2:7: kind: there is no kind .*service/, /did you mean "Service"\?/],
  },
  {
    name: 'a name that YAML takes for a number',
    manifest: service('123'),
    want: [/metadata\.name: must be a string, not the number 123 \(quote it: "123"\)/],
  },
  {
    name: 'a duration without a unit',
    manifest: service('web', '    stop: {gracePeriod: 10}\n'),
    want: [/gracePeriod: must be a duration such as 500ms, 30s or 1m30s, not the number 10\n/],
  },
  {
    name: 'what only nsctl writes',
    manifest: service('web').replace('kind: Service', 'kind: Instance'),
    want: [/an Instance is written by nsctl only/],
  },
  { name: 'no document at all', manifest: '# nothing\n---\n', want: [/there is no document in bad\.yaml/] },
  {
    name: 'a missing namespace',
    manifest: service('web').replace('  name:', '  namespace: nope\n  name:'),
    want: [/there is no namespace "nope"/, /nsctl create namespace nope/],
  },
  {
    name: 'two documents of which the second is wrong',
    manifest: `${service('first')}---\n${service('second').replace('replicas', 'replcias')}`,
    want: [/spec\.replcias: unknown field/, /nothing was applied/],
  },
]

for (const { name, manifest, want } of cases)
  test(`apply refuses ${name}`, async () => {
    home.write('bad.yaml', manifest)
    const { code, stdout, stderr } = await home.run(['apply', '-f', 'bad.yaml'])
    for (const pattern of want) assert.match(stderr, pattern)
    assert.is(stdout, '')
    assert.is(code, 2)
    const { stdout: left } = await home.run(['get', 'svc', '-o', 'name'])
    assert.is(left, '')
  })

test('--partial applies what is right and still fails', async () => {
  home.write('bad.yaml', `${service('first')}---\n${service('second').replace('replicas', 'replcias')}`)
  const { code, stdout, stderr } = await home.run(['apply', '-f', 'bad.yaml', '--partial'])
  assert.is(code, 2)
  assert.match(stdout, /^service\/first created/)
  assert.match(stderr, /spec\.replcias: unknown field/)
  assert.match(stderr, /the other documents were applied/)
  assert.is((await home.run(['get', 'svc', '-o', 'name'])).stdout, 'service/first\n')
  await home.run(['delete', 'svc', 'first', '--wait=false'])
})

test('validate needs no store and names all faults of all files', async () => {
  const other = createHome()
  try {
    other.write('m/a.yaml', service('a').replace('replicas', 'replcias'))
    other.write('m/b.yaml', 'kind: [\n')
    other.write('m/c.yaml', service('c'))
    const { code, stderr } = await other.run(['validate', '-f', 'm'])
    assert.is(code, 2)
    assert.match(stderr, /m\/a\.yaml:7:3: spec\.replcias: unknown field/)
    assert.match(stderr, /m\/b\.yaml:\d+:\d+: not YAML/)
    assert.match(stderr, /\n1 valid, 2 not/)
    const good = await other.run(['validate', '-f', 'm/c.yaml'])
    assert.equal([good.code, good.stdout], [0, '1 document is valid\n'])
    assert.is((await other.run(['get', 'svc'])).code, 3)
  } finally {
    other.remove()
  }
})

test('-o json prints errors as JSON', async () => {
  home.write('bad.yaml', service('web').replace('replicas: 2', 'replicas: -1'))
  const { code, stderr } = await home.run(['apply', '-f', 'bad.yaml', '-o', 'json'])
  assert.is(code, 2)
  const error = JSON.parse(stderr)
  assert.equal([error.kind, error.code, error.issues.length], ['Error', 'Invalid', 1])
})

for (const { line, want, env = {} } of [
  { line: 'aply -f x', want: 'error: unknown command: "aply"\ndid you mean nsctl apply?' },
  {
    line: 'rollout stats',
    want: 'error: unknown command: "rollout stats"\ndid you mean nsctl rollout status?',
  },
  { line: 'get svc --namspace x', want: 'error: unknown flag: --namspace\ndid you mean --namespace?' },
  {
    line: 'get pods',
    want: 'error: there is no resource type "pods"\nkubectl\'s pods is nsctl\'s instance; nsctl api-resources',
  },
  {
    line: 'exec pod/web-0 -- id',
    want: 'error: there is no resource type "pod"\nkubectl\'s pod is nsctl\'s instance',
  },
  {
    line: 'logs deployment/web',
    want: 'error: there is no resource type "deployment"\nkubectl\'s deployment is nsctl\'s service',
  },
  { line: 'get srvice', want: 'error: there is no resource type "srvice"\ndid you mean services?' },
  { line: 'get svc -o nope', want: 'error: unknown output format "nope"\nuse one of:' },
  { line: 'get svc web svc/web', want: 'error: not TYPE/NAME: "svc"' },
  { line: 'get', want: 'error: no resource type was named' },
  { line: 'get svc -l a=(', want: 'error: ' },
  { line: 'apply', want: 'error: no manifest was named\nwrite nsctl apply -f FILE' },
  { line: 'apply -f nope.yaml', want: 'error: nope.yaml: there is no such file or folder' },
  { line: 'apply -f - -f -', want: 'error: standard input can be read only once' },
  {
    line: 'apply --dry-run=maybe -f x',
    want: 'error: expected --dry-run=maybe to be one of: none, client, server',
  },
  { line: 'delete svc', want: 'error: no service was named' },
  { line: 'delete svc web --timeout soon', want: 'error: not a duration: "soon"' },
  { line: 'create namespace', want: 'error: ' },
  { line: 'create namespace Shop_1', want: 'error: ' },
  {
    line: 'node bootstrap',
    want: 'error: missing: name  What it is called as a node.\nsee: nsctl node bootstrap --help',
  },
  {
    line: 'node bootstrap n1',
    want: 'error: --ssh is missing\nsee: nsctl node bootstrap --help',
    env: { FORCE_COLOR: '1' },
  },
  {
    line: 'agent --install --uninstall',
    want: 'error: --install=true cannot also be provided when using --uninstall\nsee: nsctl agent --help',
    env: { FORCE_COLOR: '1' },
  },
  { line: 'completion tcsh', want: 'error: there is no completion for "tcsh"' },
  { line: 'version extra', want: 'error: unexpected argument: extra' },
  { line: 'get svc --store ftp:x', want: 'error: ' },
  { line: '-n', want: 'error: a command is missing after -n' },
] as readonly {
  readonly line: string
  readonly want: string
  readonly env?: Readonly<Record<string, string>>
}[])
  test(`nsctl ${line} is refused with exit code 2`, async () => {
    const { code, stdout, stderr } = await home.run(line.split(' '), { env })
    assert.ok(stderr.startsWith(want), stderr)
    assert.is(code, 2)
    assert.is(stdout, '')
    assert.not.match(stderr, /a bug of nsctl/)
  })

test('an unknown flag or field of explain names the nearest', async () => {
  const { code, stderr } = await home.run(['explain', 'service.spec.replcas'])
  assert.is(code, 1)
  assert.match(stderr, /did you mean service\.spec\.replicas\?/)
})

test.run()
