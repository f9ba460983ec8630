/** What the verbs print, word for word, and how they exit. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root, service, stable } from './nsctl.ts'

const home = createHome()
test.after(() => home.remove())
const run = async (line: string, stdin?: string) =>
  home.run(line.split(' '), stdin === undefined ? {} : { stdin })
const out = async (line: string, stdin?: string) => stable((await run(line, stdin)).stdout)

test('apply says what it did, with a summary', async () => {
  home.write('shop/web.yaml', service('web'))
  home.write('shop/mail.yaml', service('mail').replace('replicas: 2', 'replicas: 1'))
  assert.is(
    await out('apply -f shop'),
    'service/mail created   1 replica, rolling\nservice/web created    2 replicas, rolling\n2 created, 0 changed, 0 unchanged\n',
  )
  assert.is(
    await out('apply -f shop'),
    'service/mail unchanged\nservice/web unchanged\n0 created, 0 changed, 2 unchanged\n',
  )
})

test('get -L shows labels as columns', async () => {
  const ran = await out('get svc -L app,tier -o wide')
  assert.match(ran, /^NAME .* APP +TIER\nmail .* mail\nweb .* web\n/)
  assert.match(await out('get svc -L app --no-headers'), /mail\n.*web\n$/)
})

test('no namespace is the default one, and no name is none', async () => {
  assert.is((await run('get svc -o name -n')).code, 2)
  const empty = await home.run(['get', 'svc', '-o', 'name', '-n', ''])
  assert.is(empty.stdout, 'service/mail\nservice/web\n')
  const unnamed = await home.run(['get', 'svc', ''])
  assert.equal([unnamed.code, unnamed.stderr.split('\n')[0]], [2, 'error: a name is empty'])
  assert.is((await home.run(['get', ''])).code, 2)
})

test('apply --dry-run writes nothing', async () => {
  home.write('web3.yaml', service('web').replace('replicas: 2', 'replicas: 3'))
  for (const flag of ['--dry-run', '--dry-run=server', '--dry-run=client'])
    assert.match(await out(`apply -f web3.yaml ${flag}`), /^service\/web configured \(dry run\)\n/)
  assert.is(await out('get svc web -o jsonpath={.spec.replicas}'), '2')
  assert.match(await out('apply -f shop/web.yaml --dry-run=none'), /^service\/web unchanged\n/)
})

test('apply -o prints the objects instead', async () => {
  assert.is(await out('apply -f shop -o name'), 'service/mail\nservice/web\n')
  assert.is(JSON.parse((await run('apply -f shop/web.yaml -o json')).stdout).kind, 'Service')
  const list = JSON.parse((await run('apply -f shop -o json')).stdout)
  assert.equal([list.kind, list.items.length], ['List', 2])
})

for (const format of ['json', 'yaml'])
  test(`what get -o ${format} prints is unchanged when it is applied`, async () => {
    const { stdout } = await run(`get svc -o ${format}`)
    assert.match(await out('apply -f -', stdout), /0 created, 0 changed, 2 unchanged\n$/)
    const single = await run(`get svc web -o ${format}`)
    assert.match(await out('apply -f -', single.stdout), /0 created, 0 changed, 1 unchanged\n$/)
  })

test('apply understands a List and JSON', async () => {
  const list = JSON.parse((await run('get svc -o json')).stdout)
  assert.is(list.kind, 'List')
  assert.match(await out('apply -f -', JSON.stringify(list.items[0])), /0 created, 0 changed, 1 unchanged\n$/)
})

test('get lists, with kubectl’s ways to narrow and to print', async () => {
  assert.is(await out('get svc -o name'), 'service/mail\nservice/web\n')
  assert.is(await out('get svc -l app=web -o name'), 'service/web\n')
  assert.is(await out('get svc -l app!=web -o name'), 'service/mail\n')
  assert.is(await out('get svc --field-selector metadata.name=web -o name'), 'service/web\n')
  const unknown = await run('get svc --field-selector status.phse=Running')
  assert.is(unknown.code, 2)
  assert.match(unknown.stderr, /there is no field status\.phse\n/)
  assert.is(await out('get service/web ns/default -o name'), 'service/web\nnamespace/default\n')
  assert.is(await out('get svc web mail -o name'), 'service/web\nservice/mail\n')
  assert.is(await out('get all -o name'), 'service/mail\nservice/web\n')
  assert.is(await out('get services.nsctl.dev -o name'), 'service/mail\nservice/web\n')
  assert.is(await out('get svc --sort-by=.spec.replicas -o name'), 'service/mail\nservice/web\n')
  assert.is(await out('get svc -o jsonpath={.items[*].metadata.name}'), 'mail web')
  assert.is(
    await out('get svc -o custom-columns=N:.metadata.name,R:.spec.replicas'),
    'N      R\nmail   1\nweb    2\n',
  )
  home.write('template', '{range .items[*]}{.metadata.name};{end}\n')
  assert.is(await out('get svc -o jsonpath-file=template'), 'mail;web;')
  assert.is(await out('get -f shop -o name'), 'service/mail\nservice/web\n')
})

test('get prints a table', async () => {
  const table = await out('get svc web mail')
  assert.match(table, /^NAME +READY +UP-TO-DATE +REVISION +NODES +URL +AGE\nweb +.*\nmail +.*\n$/)
  assert.match(await out('get svc -A'), /^NAMESPACE +NAME /)
  assert.match(await out('get svc --no-headers'), /^mail /)
  assert.match(await out('get svc --show-labels'), /LABELS\nmail .*app=mail\n/)
  assert.match(await out('get svc -o wide'), /PROGRAM\n.*node server\.js\n/)
})

test('get of nothing', async () => {
  const none = await run('get svc -n other')
  assert.equal([none.code, none.stdout, none.stderr], [0, '', 'No resources found in other namespace.\n'])
  assert.match((await run('get svc -l app=none -A')).stderr, /^No resources found\.\n/)
  const missing = await run('get svc nope')
  assert.equal([missing.code, missing.stdout], [1, ''])
  assert.is(
    missing.stderr,
    'error: service/nope not found in namespace default\nnsctl get service -A lists what there is\n',
  )
  assert.is((await run('get svc nope --ignore-not-found')).code, 0)
  const partly = await run('get svc web nope')
  assert.equal([partly.code, partly.stdout.split('\n').length], [1, 3])
  assert.is(JSON.parse((await run('get svc -n other -o json')).stdout).items.length, 0)
})

test('diff: 0 without differences, 1 with, 2 on an error', async () => {
  const same = await run('diff -f shop')
  assert.equal([same.code, same.stdout], [0, ''])
  home.write(
    'changed.yaml',
    service('web', '    resources: {memory: 192Mi}\n').replace('replicas: 2', 'replicas: 3'),
  )
  const { code, stdout } = await run('diff -f changed.yaml')
  assert.is(code, 1)
  assert.match(stdout, /^--- live {6}service\/web r1\n\+\+\+ changed\.yaml\n@@ spec/)
  assert.match(stdout, /\n- +replicas: 2\n\+ +replicas: 3\n/)
  assert.match(stdout, /\n\+ .*memory: 192Mi\n/)
  assert.match(stdout, /\n1 service changes: 2 instances would be replaced, 1 at a time\n$/)
  assert.is((await run('diff -f nope.yaml')).code, 2)
  assert.is(await out('get svc web -o jsonpath={.spec.replicas}'), '2')
})

test('describe shows one or several', async () => {
  assert.match(
    await out('describe svc web'),
    /^Service +default\/web +revision r1, applied .* by ada from file web\.yaml|shop/,
  )
  assert.is((await out('describe svc')).match(/^Service /gm)?.length, 2)
  assert.is((await run('describe svc nope')).code, 1)
})

test('create refuses what is there', async () => {
  assert.is(await out('create namespace shop'), 'namespace/shop created\n')
  const again = await run('create ns shop')
  assert.is(again.code, 4)
  assert.match(again.stderr, /namespace\/shop is already there/)
  assert.is((await run('create -f shop/web.yaml')).code, 4)
  assert.is(await out('create -f shop/web.yaml -n shop'), 'service/web created\n')
  assert.is(await out('create namespace x --dry-run'), 'namespace/x created (dry run)\n')
  assert.is((await run('get ns x')).code, 1)
})

test('a namespace and what is in it come in one apply, in any order', async () => {
  const both = `${service('a').replace('  name: a', '  namespace: fresh\n  name: a')}---\napiVersion: nsctl.dev/v1alpha1\nkind: Namespace\nmetadata: {name: fresh}\n`
  assert.match(await out('apply -f -', both), /2 created, 0 changed, 0 unchanged\n$/)
})

test('$NSCTL_NAMESPACE is the namespace unless -n says otherwise', async () => {
  const shop = { env: { NSCTL_NAMESPACE: 'shop' } }
  assert.is((await home.run(['get', 'svc', '-o', 'name'], shop)).stdout, 'service/web\n')
  assert.is((await home.run(['get', 'svc', '-o', 'name', '-n', 'fresh'], shop)).stdout, 'service/a\n')
  assert.is((await home.run(['-n', 'fresh', 'get', 'svc', '-o', 'name'], shop)).stdout, 'service/a\n')
})

test('delete says what it deleted, by name, label and file', async () => {
  assert.is(await out('delete svc web -n shop --dry-run'), 'service/web deleted (dry run)\n')
  assert.is(await out('delete svc -l app=web -n shop -o name'), 'service/web\n')
  const missing = await run('delete svc nope web')
  assert.equal([missing.code, missing.stdout], [1, 'service/web deleted\n'])
  assert.match(missing.stderr, /service\/nope not found in namespace default/)
  assert.is((await run('delete svc nope --ignore-not-found')).code, 0)
  assert.match(await out('delete -f shop'), /service\/web deleted\nservice\/mail deleted\n$/)
})

test('kinds of one’s own: applied, listed, explained, validated', async () => {
  home.write(
    'crd.yaml',
    `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Backup, plural: backups, shortNames: [bk]}
  versions:
    - name: v1
      additionalPrinterColumns: [{name: WHEN, type: string, jsonPath: .spec.when}]
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, required: [when], properties: {when: {type: string, description: A time of day.}}}
`,
  )
  const backup = (spec: string) =>
    `apiVersion: example.org/v1\nkind: Backup\nmetadata: {name: nightly}\nspec: ${spec}\n`
  assert.is((await run('apply -f crd.yaml')).code, 0)
  assert.is((await run('apply -f -', backup('{wen: 3}'))).code, 2)
  assert.match(await out('apply -f -', backup('{when: "03:00"}')), /nightly created/)
  assert.match(await out('get bk'), /^NAME +WHEN\nnightly +03:00\n$/)
  assert.is(await out('get backups/nightly -o jsonpath={.spec.when}'), '03:00')
  assert.match(await out('explain backup.spec'), /when {2}<string> {2}-required-\n +A time of day\./)
  assert.match(await out('api-resources'), /\nbackups +bk +example\.org\/v1 +true +Backup\n/)
  home.write('both.yaml', `${backup('{wen: 3}')}---\n${readFileSync(join(home.folder, 'crd.yaml'), 'utf8')}`)
  const { code, stderr } = await run('validate -f both.yaml')
  assert.is(code, 2)
  assert.match(stderr, /spec\.wen: unknown field/)
})

test('validate says what is accepted and does not act', async () => {
  home.write(
    'scaler.yaml',
    'apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec: {scaleTargetRef: {name: web}, triggers: [{type: aws-sqs-queue, metadata: {}}]}\n',
  )
  const { code, stdout, stderr } = await home.run(['validate', '-f', 'scaler.yaml'])
  assert.is(code, 0, stderr)
  assert.match(stdout, '1 document is valid')
  assert.match(
    stderr,
    /^warning: scaledobject\/web: spec\.triggers\[0\]\.type: nsctl has no source for aws-sqs-queue/,
  )
})

test('explain tells what triggers take', async () => {
  const env = { NSCTL_HOME: join(home.folder, 'nowhere') }
  const all = await home.run(['explain', 'trigger'], { env })
  assert.match(all.stdout, /\n {2}redis-streams +What waits in a stream/)
  assert.match(all.stdout, /OF KEDA, STORED AND NOT ACTING:\n {2}activemq, /)
  for (const word of ['trigger.redis', 'triggers/redis']) {
    const { stdout } = await home.run(['explain', word], { env })
    assert.match(stdout, /^TRIGGER: {2}redis\nMETRICS: {2}AverageValue, Value\n/)
    assert.match(
      stdout,
      /\n {2}listLength {2}<integer> {2}default 5\n {6}What its length is compared with\.\n/,
    )
  }
  const unknown = await home.run(['explain', 'trigger.reddis'], { env })
  assert.is(unknown.code, 1)
  assert.match(
    unknown.stderr,
    /there is no trigger "reddis" \(did you mean redis\?\).*\nnsctl explain trigger\.redis\n/,
  )
})

test('explain, api-resources and version need no store', async () => {
  const env = { NSCTL_HOME: join(home.folder, 'nowhere') }
  const explained = await home.run(['explain', 'svc.spec.update'], { env })
  assert.match(
    explained.stdout,
    /^KIND: {5}Service\nVERSION: {2}nsctl\.dev\/v1alpha1\n\nFIELD: {4}spec\.update <object>/,
  )
  assert.match(
    explained.stdout,
    /\n {2}strategy {2}<string> {2}default "Rolling", one of Rolling, Recreate, Canary, BlueGreen\n/,
  )
  assert.match(
    (await home.run(['api-resources'], { env })).stdout,
    /^NAME +SHORTNAMES +APIVERSION +NAMESPACED +KIND\n/,
  )
  assert.match((await home.run(['version', '--client'], { env })).stdout, /^Client: nsctl \d/)
  assert.is(
    JSON.parse((await home.run(['version', '--client', '-o', 'json'], { env })).stdout).client.platform,
    process.platform,
  )
})

test('completion: verbs, flags, types and names from the store', async () => {
  home.write('web.yaml', service('web'))
  await run('apply -f web.yaml -n fresh')
  const complete = async (...words: string[]) =>
    (await home.run(['__complete', '--', ...words])).stdout.split('\n').map((line) => line.split('\t')[0])
  assert.ok((await complete('')).includes('apply'))
  assert.equal((await complete('ap')).slice(0, 1), ['apply'])
  assert.ok((await complete('rollout', '')).includes('status'))
  assert.ok((await complete('get', 'serv')).includes('services'))
  assert.ok((await complete('get', '--sort')).includes('--sort-by'))
  assert.ok((await complete('-n', 'fresh', 'get', 'svc', '')).includes('web'))
  assert.ok((await complete('describe', '-n', 'fresh', 'svc/w')).includes('svc/web'))
  assert.ok((await complete('get', 'svc', '-n', 'f')).includes('fresh'))
  for (const shell of ['bash', 'zsh', 'fish'])
    assert.match(await out(`completion ${shell}`), /nsctl __complete/)
})

test('the completion of bash completes', async () => {
  const script = `source <(nsctl completion bash)
    COMP_WORDS=(nsctl get svc -n fresh w); COMP_CWORD=5; _nsctl; echo "\${COMPREPLY[*]}"`
  const { stdout } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    env: { PATH: `${join(root, 'bin')}:${process.env.PATH}`, NSCTL_HOME: home.state },
  })
  assert.is(stdout, 'web\n')
})

test('help', async () => {
  const alone = await run('--help')
  assert.equal([alone.code, alone.stderr], [0, ''])
  assert.is(alone.stdout, (await home.run([])).stdout)
  assert.match(alone.stdout, /\n {2}apply +Make what manifests say true\n/)
  assert.is(await out('help apply'), await out('apply --help'))
  assert.match(await out('rollout status -h'), /^Wait until a change is rolled out/)
  assert.match(await out('help rollout'), /^Usage: nsctl rollout COMMAND/)
})

test.run()
