import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openShop, service } from './shop.ts'

const ref = (name: string) => ({ kind: 'Service', namespace: 'default', name })

async function twoServices() {
  const shop = await openShop()
  await shop.apply(service('web', {}, { tier: 'front' }))
  await shop.apply(service('mail'))
  return shop
}

for (const c of [
  { argv: ['scale', 'svc/web', '--replicas', '3'], out: 'service/web scaled\n', want: { web: 3, mail: 2 } },
  {
    argv: ['scale', 'svc', 'web', 'mail', '--replicas=0'],
    out: 'service/web scaled\nservice/mail scaled\n',
    want: { web: 0, mail: 0 },
  },
  {
    argv: ['scale', 'svc', '--all', '--replicas', '1'],
    out: 'service/mail scaled\nservice/web scaled\n',
    want: { web: 1, mail: 1 },
  },
  {
    argv: ['scale', 'svc', '-l', 'tier=front', '--replicas', '1'],
    out: 'service/web scaled\n',
    want: { web: 1, mail: 2 },
  },
  {
    argv: ['scale', 'svc/web', '--replicas', '3', '--dry-run'],
    out: 'service/web scaled (dry run)\n',
    want: { web: 2, mail: 2 },
  },
  {
    argv: ['scale', 'svc/web', '--replicas', '3', '-o', 'name'],
    out: 'service/web\n',
    want: { web: 3, mail: 2 },
  },
  {
    argv: ['scale', 'svc/web', '--current-replicas', '2', '--replicas', '5'],
    out: 'service/web scaled\n',
    want: { web: 5, mail: 2 },
  },
  { argv: ['scale', '-f', '-', '--replicas', '4'], out: 'service/web scaled\n', want: { web: 4, mail: 2 } },
])
  test(`nsctl ${c.argv.join(' ')}`, async () => {
    const shop = await twoServices()
    const stdin = JSON.stringify({ apiVersion: 'nsctl.dev/v1alpha1', ...service('web') })
    const ran = await shop.run(c.argv, { stdin })
    assert.is(ran.stdout, c.out, ran.stderr)
    assert.is(ran.code, 0)
    for (const [name, replicas] of Object.entries(c.want)) {
      const object = await shop.api.get(ref(name))
      assert.is(object?.spec?.replicas, replicas)
      assert.is(object?.metadata.revision, 1, 'scaling is no revision')
    }
  })

for (const c of [
  { argv: ['scale', 'svc/web'], code: 2, stderr: /--replicas is missing/ },
  {
    argv: ['scale', 'svc/web', '--replicas', '-1'],
    code: 2,
    stderr: /must be a whole number of at least 0, not "-1"/,
  },
  { argv: ['scale', 'svc/web', '--replicas=1.5'], code: 2, stderr: /not "1.5"/ },
  { argv: ['scale', 'svc/web', '--replicas', '10001'], code: 2, stderr: /10000/ },
  { argv: ['scale', 'svc/web', '--replicas', '1', '--current-replicas', '7'], code: 4, stderr: /7/ },
  { argv: ['scale', 'svc', '--replicas', '1'], code: 2, stderr: /no service was named/ },
  { argv: ['scale', 'svc/web', '--all', '--replicas', '1'], code: 2, stderr: /names cannot be combined/ },
  { argv: ['scale', 'ns/default', '--replicas', '1'], code: 2, stderr: /cannot be scaled|scale/ },
  { argv: ['scale', 'svc/nope', '--replicas', '1'], code: 1, stderr: /service\/nope/ },
  { argv: ['label', 'svc/web'], code: 2, stderr: /no label was given/ },
  {
    argv: ['label', 'svc/web', 'tier=back'],
    code: 4,
    stderr: /already has the label tier=front\nadd --overwrite/,
  },
  { argv: ['label', 'svc/web', 'a=1', 'a-'], code: 2, stderr: /set and removed at once/ },
  { argv: ['label', 'svc/web', 'a=b', 'c'], code: 2, stderr: /not a label: "c"/ },
  { argv: ['label', 'svc/web', 'a=b c'], code: 2, stderr: /label/ },
  { argv: ['label', 'svc/web', 'nsctl.dev/x=y'], code: 2, stderr: /nsctl\.dev/ },
  { argv: ['label', 'svc/web', 'a=1', '--resource-version', '1'], code: 4, stderr: /changed/ },
  { argv: ['label', 'svc', 'a=1'], code: 2, stderr: /no service was named/ },
  { argv: ['annotate', 'svc/web', 'x'], code: 2, stderr: /no annotation was given|not TYPE\/NAME/ },
  { argv: ['patch', 'svc/web'], code: 2, stderr: /exactly one of -p and --patch-file/ },
  { argv: ['patch', 'svc/web', '-p', '{}', '--patch-file', 'x'], code: 2, stderr: /exactly one of/ },
  {
    argv: ['patch', 'svc/web', '--patch-file', 'missing.yaml'],
    code: 2,
    stderr: /cannot read the patch.*missing\.yaml/,
  },
  { argv: ['patch', 'svc/web', '-p', '[]'], code: 2, stderr: /must be a map/ },
  {
    argv: ['patch', 'svc/web', '--type', 'json', '-p', '{}'],
    code: 2,
    stderr: /must be a list of operations/,
  },
  { argv: ['patch', 'svc/web', '-p', '{: :'], code: 2, stderr: /neither JSON nor YAML/ },
  { argv: ['patch', 'svc/web', '--type', 'other', '-p', '{}'], code: 2, stderr: /merge.*json.*strategic/ },
  {
    argv: ['patch', 'svc/web', '-p', '{"spec":{"replicsa":1}}'],
    code: 2,
    stderr: /spec\.replicsa: unknown field; did you mean "replicas"/,
  },
  { argv: ['patch', 'svc/web', '-p', '{"spec":{"replicas":-1}}'], code: 2, stderr: /at least 0/ },
])
  test(`nsctl ${c.argv.join(' ')} is refused`, async () => {
    const shop = await twoServices()
    const before = await shop.api.get(ref('web'))
    const ran = await shop.run(c.argv)
    assert.is(ran.code, c.code, ran.stderr)
    assert.match(ran.stderr, c.stderr)
    assert.is(ran.stdout, '')
    assert.equal(await shop.api.get(ref('web')), before, 'nothing was written')
  })

test('label sets, replaces and removes; what is the same is no change', async () => {
  const shop = await twoServices()
  const labels = async () => (await shop.api.get(ref('web')))?.metadata.labels
  assert.is((await shop.run(['label', 'svc/web', 'a=1', 'b='])).stdout, 'service/web labeled\n')
  assert.equal(await labels(), { tier: 'front', a: '1', b: '' })
  assert.is((await shop.run(['label', 'svc/web', 'a=1'])).stdout, 'service/web not labeled\n')
  const ran = await shop.run(['label', 'svc', 'web', 'tier=back', 'a-', 'zzz-', '--overwrite'])
  assert.equal(ran, {
    code: 0,
    stdout: 'service/web labeled\n',
    stderr: 'label zzz not found on service/web\n',
  })
  assert.equal(await labels(), { tier: 'back', b: '' })
  assert.is((await shop.api.get(ref('web')))?.metadata.revision, 1, 'labels are no revision')
})

test('label goes over all of a kind, lists, and writes nothing in a dry run', async () => {
  const shop = await twoServices()
  const all = await shop.run(['label', 'svc', '--all', 'team=a', '--dry-run'])
  assert.is(all.stdout, 'service/mail labeled (dry run)\nservice/web labeled (dry run)\n')
  assert.is((await shop.run(['label', 'svc/web', '--list'])).stdout, 'tier=front\n')
  await shop.run(['label', 'svc', '-l', 'tier=front', 'team=a'])
  assert.is(
    (await shop.run(['label', 'svc', '--all', '--list'])).stdout,
    'service/mail:\n\nservice/web:\nteam=a\ntier=front\n',
  )
})

test('annotate says of an instance that it is busy, and nothing else', async () => {
  const shop = await twoServices()
  const name = await shop.addInstance('web', 0, 'aaaaa')
  const inst = { kind: 'Instance', namespace: 'default', name }
  const busy = async () => (await shop.api.get(inst))?.metadata.annotations?.['nsctl.dev/busy']
  const ran = await shop.run(['annotate', 'instance', name, 'nsctl.dev/busy=true'])
  assert.equal([ran.code, ran.stdout, await busy()], [0, `instance/${name} annotated\n`, 'true'])
  const wrong = await shop.run(['annotate', 'instance', name, 'nsctl.dev/busy=maybe', '--overwrite'])
  assert.equal([wrong.code, await busy()], [2, 'true'])
  assert.match(wrong.stderr, /nsctl\.dev\/busy"\]: must be "true" or "false"/)
  const other = await shop.run(['annotate', `instance/${name}`, 'note=x'])
  assert.is(other.code, 2)
  assert.match(other.stderr, /an Instance is written by nsctl only/)
  await shop.run(['annotate', `instance/${name}`, 'nsctl.dev/busy-'])
  assert.is(await busy(), undefined)
})

test('annotate takes any text, and prints the object with -o', async () => {
  const shop = await twoServices()
  const ran = await shop.run([
    'annotate',
    'svc/web',
    'note=two words = fine',
    '-o',
    'jsonpath={.metadata.annotations.note}',
  ])
  assert.is(ran.stdout.trimEnd(), 'two words = fine')
  assert.is((await shop.run(['annotate', 'svc/web', 'note-'])).stdout, 'service/web annotated\n')
  assert.is((await shop.api.get(ref('web')))?.metadata.annotations?.note, undefined)
})

for (const argv of [
  ['label', '-f', '-', 'a=1'],
  ['annotate', '-f', '-', 'a=1'],
  ['patch', '-f', '-', '-p', '{"spec":{"replicas":3}}'],
  ['rollout', 'restart', '-f', '-'],
])
  test(`nsctl ${argv.join(' ')} works on what manifests name`, async () => {
    const shop = await twoServices()
    const stdin = JSON.stringify({ apiVersion: 'nsctl.dev/v1alpha1', ...service('mail') })
    const ran = await shop.run(argv, { stdin })
    assert.is(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /^service\/mail [a-z]+\n$/)
  })

test('a label that two set at once is lost by neither', async () => {
  const shop = await twoServices()
  const keys = Array.from({ length: 5 }, (_, i) => `k${i}`)
  const all = await Promise.all(keys.map((key) => shop.run(['label', 'svc/web', `${key}=1`])))
  assert.equal(
    all.map(({ code }) => code),
    [0, 0, 0, 0, 0],
  )
  const labels = (await shop.api.get(ref('web')))?.metadata.labels ?? {}
  assert.equal(
    keys.filter((key) => labels[key] === '1'),
    keys,
  )
})

for (const c of [
  {
    name: 'strategic merges named items',
    argv: ['-p', '{"spec":{"template":{"env":[{"name":"B","value":"2"}]}}}'],
    env: ['A=1', 'B=2'],
  },
  {
    name: 'merge replaces lists',
    argv: ['--type', 'merge', '-p', 'spec: {template: {env: [{name: B, value: "2"}]}}'],
    env: ['B=2'],
  },
  {
    name: 'json does operations',
    argv: ['--type=json', '-p', '[{"op":"replace","path":"/spec/template/env/0/value","value":"9"}]'],
    env: ['A=9'],
  },
])
  test(`patch: ${c.name}`, async () => {
    const shop = await openShop()
    await shop.apply(
      service('web', { template: { source: { command: ['/bin/true'] }, env: [{ name: 'A', value: '1' }] } }),
    )
    const ran = await shop.run(['patch', 'svc/web', ...c.argv])
    assert.is(ran.stdout, 'service/web patched\n', ran.stderr)
    const template = (await shop.api.get(ref('web')))?.spec?.template as {
      env: { name: string; value: string }[]
    }
    assert.equal(
      template.env.map(({ name, value }) => `${name}=${value}`),
      c.env,
    )
  })

test('patch reads standard input, says what is no change, and prints with -o', async () => {
  const shop = await twoServices()
  const stdin = 'spec:\n  replicas: 2\n'
  assert.is(
    (await shop.run(['patch', 'svc/web', '--patch-file', '-'], { stdin })).stdout,
    'service/web patched (no change)\n',
  )
  const ran = await shop.run([
    'patch',
    'svc/web',
    '-p',
    '{"spec":{"replicas":7}}',
    '--dry-run',
    '-o',
    'jsonpath={.spec.replicas}',
  ])
  assert.is(ran.stdout.trimEnd(), '7')
  assert.is((await shop.api.get(ref('web')))?.spec?.replicas, 2)
})

for (const c of [
  { argv: ['scale', 'svc', 'web', 'mail', '--current-replicas=2', '--replicas=5'], code: 4, out: 'scaled' },
  {
    argv: [
      'patch',
      'svc',
      'web',
      'mail',
      '--type=json',
      '-p',
      '[{"op":"test","path":"/spec/replicas","value":2}]',
    ],
    code: 4,
    out: 'patched (no change)',
  },
  { argv: ['label', 'svc', 'web', 'mail', 'tier=front'], code: 4, out: 'not labeled' },
])
  test(`nsctl ${c.argv.join(' ')} says what it did before it failed`, async () => {
    const shop = await twoServices()
    await shop.api.scale(ref('mail'), 4, { actor: { name: 'test' } })
    await shop.run(['label', 'svc/mail', 'tier=back'])
    const ran = await shop.run(c.argv)
    assert.is(ran.stdout, `service/web ${c.out}\n`, ran.stderr)
    assert.match(ran.stderr, /^error: /m)
    assert.is(ran.code, c.code)
  })

test.run()
