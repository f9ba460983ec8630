/** The verbs on stored Secrets, over a store in memory. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Secret } from '../../src/resources/generated/types.ts'
import { makeIdentityFile, newIdentity, readIdentities } from '../../src/secrets/identity.ts'
import { openValue } from '../../src/secrets/value.ts'
import { openShop, type RunOptions, type Shop } from './shop.ts'

interface Context {
  folder: string
  shop: Shop
  run(line: string | readonly string[], options?: RunOptions): ReturnType<Shop['run']>
}

const test = suite<Context>('secret')

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'nsctl-secret-'))
  context.shop = await openShop()
  const env = { NSCTL_CONFIG: join(context.folder, 'config'), NSCTL_HOME: join(context.folder, 'state') }
  context.run = (line, options = {}) =>
    context.shop.run(typeof line === 'string' ? line.split(' ') : line, {
      ...options,
      env: { ...env, ...options.env },
    })
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const BOB = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
const refOf = (name: string, namespace = 'default') => ({ kind: 'Secret', namespace, name })

async function made({ run }: Context, name = 'db', stdin = 'hunter2') {
  const ran = await run(`secret create ${name} --from-file password=- --from-literal user=ada`, { stdin })
  assert.is(ran.code, 0, ran.stderr)
}

const stored = async ({ shop }: Context, name = 'db') => (await shop.api.get<Secret>(refOf(name)))!

async function opened(context: Context, key: string, name = 'db', identity = 'identity'): Promise<string> {
  const identities = await readIdentities(join(context.folder, identity))
  const entry = (await stored(context, name)).spec.sealed![key]!
  const value = await openValue(entry, { namespace: 'default', name, key }, identities)
  return Buffer.from(value).toString('utf8')
}

test('reveal gives a value byte for byte, and all of them as a manifest', async (context) => {
  await made(context, 'db', 'hunter2\n')
  const { run } = context
  assert.equal(await run('secret reveal db password'), { code: 0, stdout: 'hunter2\n', stderr: '' })
  assert.is((await run('secret reveal db user')).stdout, 'ada')
  assert.is((await run('secret reveal db user', { isTerminal: true })).stdout, 'ada\n')
  const all = await run('secret reveal db -o json')
  assert.equal(JSON.parse(all.stdout), {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Secret',
    metadata: { name: 'db' },
    stringData: { password: 'hunter2\n', user: 'ada' },
  })
  const again = await run('apply -f -', { stdin: all.stdout })
  assert.match(again.stdout, 'secret/db unchanged')
})

test('reveal sends binary values into files, and not to a terminal', async (context) => {
  const { run, folder } = context
  writeFileSync(join(folder, 'blob'), Buffer.from([0, 200, 10, 27]))
  await run(`secret create db --from-file ${join(folder, 'blob')}`)
  assert.is((await run('secret reveal db blob')).stdout, '\0\u00c8\n\u001b')
  const refused = await run('secret reveal db blob', { isTerminal: true })
  assert.is(refused.code, 2)
  assert.match(refused.stderr, 'the value of blob is binary, and this is a terminal')
  assert.match(
    (await run('secret reveal db')).stdout,
    `data:\n  blob: ${Buffer.from([0, 200, 10, 27]).toString('base64')}`,
  )
})

for (const c of [
  { line: 'secret reveal nope', code: 1, want: /secret\/nope not found in namespace default/ },
  { line: 'secret reveal db nope', code: 1, want: /secret\/db has no key "nope"\nit has password, user/ },
  { line: 'secret reveal db -o raw', code: 2, want: /raw is the value of one key/ },
  { line: 'secret rotate db', code: 2, want: /no key was named/ },
  {
    line: 'secret rotate db password',
    code: 2,
    want: /where the new value of password comes from was not said/,
  },
  { line: 'secret rotate db nope --random 32', code: 1, want: /secret\/db has no key "nope"/ },
  {
    line: 'secret rotate db password --random 7',
    code: 2,
    want: /--random must be a whole number from 8 to 4096, not "7"/,
  },
  { line: 'secret rotate db --random 32', code: 2, want: /--random needs the keys/ },
  { line: 'secret rotate nope password --random 32', code: 1, want: /secret\/nope not found/ },
  { line: 'secret rekey', code: 2, want: /name Secrets, or say --all/ },
  { line: 'secret rekey db --all', code: 2, want: /name Secrets, or say --all/ },
  { line: 'secret rekey nope', code: 1, want: /secret\/nope not found/ },
  { line: 'secret recipients frob', code: 2, want: /there is no "frob"/ },
  { line: 'secret recipients add bob', code: 2, want: /recipient/ },
  {
    line: 'secret recipients add bob AGE-SECRET-KEY-1QQ',
    code: 2,
    want: /this is an identity, the secret half of a key/,
  },
  { line: 'secret recipients trust nope', code: 1, want: /there is no recipient "nope" in memory:/ },
  { line: 'secret recipients remove nope', code: 1, want: /there is no recipient "nope"/ },
  { line: 'secret identity frob', code: 2, want: /there is no "frob"/ },
  { line: 'secret identity export', code: 2, want: /no file was named/ },
  { line: 'secret identity show --control-plane', code: 1, want: /there is no identity at/ },
  { line: 'secret seal', code: 2, want: /no manifest was named/ },
  { line: 'secret seal -w -f -', code: 2, want: /stdin cannot be written: leave out -w/ },
  { line: 'node trust alpha', code: 1, want: /there is no node\/alpha/ },
])
  test(`nsctl ${c.line} is refused`, async (context) => {
    await made(context)
    const ran = await context.run(c.line)
    assert.is(ran.code, c.code, ran.stderr)
    assert.match(ran.stderr, c.want)
    assert.not.match(ran.stderr, 'AGE-SECRET-KEY-1QQ')
    assert.is(await opened(context, 'password'), 'hunter2')
  })

test('who has no identity that fits can open nothing, and is told so', async (context) => {
  await made(context)
  await makeIdentityFile(join(context.folder, 'other'))
  for (const file of ['other', 'missing']) {
    const ran = await context.run('secret reveal db password', {
      env: { NSCTL_IDENTITY: join(context.folder, file) },
    })
    assert.is(ran.code, 1, ran.stderr)
    assert.not.match(ran.stderr, 'hunter2')
    assert.match(ran.stderr, file === 'other' ? /password/ : /there is no identity to open secret\/db with/)
  }
  const named = await context.run(
    `secret reveal db password --identity ${join(context.folder, 'identity')}`,
    {
      env: { NSCTL_IDENTITY: join(context.folder, 'other') },
    },
  )
  assert.is(named.stdout, 'hunter2', named.stderr)
})

test('rotate gives a new version to what it names, and to nothing else', async (context) => {
  await made(context)
  const before = await stored(context)
  const ran = await context.run('secret rotate db password --random 40')
  assert.is(ran.stdout, 'secret/db rotated   1 key sealed to 1 recipient\n', ran.stderr)
  const after = await stored(context)
  assert.is.not(after.spec.sealed!.password!.version, before.spec.sealed!.password!.version)
  assert.equal(after.spec.sealed!.user, before.spec.sealed!.user)
  assert.match(await opened(context, 'password'), /^[A-Za-z0-9]{40}$/)
  // the same value again was asked for as a new one
  const same = await context.run('secret rotate db --from-file user=-', { stdin: 'ada' })
  assert.match(same.stdout, 'rotated')
  assert.is.not((await stored(context)).spec.sealed!.user!.version, before.spec.sealed!.user!.version)
  const [newest] = await context.shop.api.history(refOf('db'))
  assert.is(newest?.cause, 'rotated')
  const added = await context.run('secret rotate db token --random 32 --add')
  assert.match(added.stdout, 'rotated', added.stderr)
  assert.match(await opened(context, 'token'), /^[A-Za-z0-9]{32}$/)
})

test('a dry run of rotate and of rekey changes nothing', async (context) => {
  await made(context)
  await context.run(`secret recipients add bob ${BOB}`)
  const before = await stored(context)
  const rotated = await context.run('secret rotate db password --random 32 --dry-run')
  assert.match(rotated.stdout, '(dry run)', rotated.stderr)
  assert.match((await context.run('secret rekey --all --dry-run')).stdout, '1 rekeyed, 0 unchanged')
  assert.equal(await stored(context), before)
})

test('rekey keeps values and versions, and has nothing to do the second time', async (context) => {
  const { run, folder } = context
  const bob = await makeIdentityFile(join(folder, 'bob'))
  for (const name of ['a', 'b', 'c']) await made(context, name)
  const before = await stored(context, 'a')
  await run(`secret recipients add bob ${bob.recipient}`)
  const ran = await run('secret rekey --all')
  assert.is(
    ran.stdout,
    'secret/a rekeyed   2 keys sealed to 2 recipients\nsecret/b rekeyed   2 keys sealed to 2 recipients\nsecret/c rekeyed   2 keys sealed to 2 recipients\n3 rekeyed, 0 unchanged\n',
    ran.stderr,
  )
  const after = await stored(context, 'a')
  assert.is(after.spec.sealed!.password!.version, before.spec.sealed!.password!.version)
  assert.is(await opened(context, 'password', 'a', 'bob'), 'hunter2')
  const again = await run('secret rekey -A')
  assert.is(
    again.stdout,
    'secret/a unchanged\nsecret/b unchanged\nsecret/c unchanged\n0 rekeyed, 3 unchanged\n',
  )
  assert.match((await run('secret rekey a --force')).stdout, 'secret/a rekeyed   2 keys')
  await run('secret recipients remove bob')
  assert.match((await run('secret rekey a')).stdout, 'secret/a rekeyed   2 keys sealed to 1 recipient')
  assert.is(await opened(context, 'password', 'a', 'bob').catch(() => 'sealed'), 'sealed')
})

test('rekey seals what it can open, and names what it cannot', async (context) => {
  const { run, folder } = context
  await made(context, 'a')
  await made(context, 'c')
  // sealed to somebody else alone
  const sealed = await run(`secret seal -f - -r ${BOB}`, {
    stdin: 'apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: b}\nstringData: {x: hunter2}\n',
  })
  await run('apply -f -', { stdin: sealed.stdout })
  await run(`secret recipients add bob ${BOB}`)
  const ran = await run('secret rekey --all')
  assert.is(ran.code, 1)
  assert.match(ran.stdout, '2 rekeyed, 0 unchanged, 1 failed')
  assert.match(ran.stderr, /the value x of Secret default\/b/)
  assert.ok(existsSync(join(folder, 'identity')))
})

test('a Secret that is too large for more recipients keeps no other from being sealed to them', async (context) => {
  const { run } = context
  for (const name of ['a', 'c']) await made(context, name)
  await made(context, 'b', 'x'.repeat(89_000))
  for (let index = 0; index < 16; index++)
    await run(`secret recipients add op${index} ${(await newIdentity()).recipient}`)
  const ran = await run('secret rekey --all')
  assert.is(ran.code, 2)
  assert.match(ran.stdout, '2 rekeyed, 0 unchanged, 1 failed')
  assert.match(ran.stderr, 'Secret default/b does not fit')
  assert.is((await stored(context, 'c')).spec.recipients?.length, 17)
  assert.is((await stored(context, 'b')).spec.recipients?.length, 1)
})

test('what is rotated after a change of recipients is sealed to them as a whole', async (context) => {
  const { run, folder } = context
  const bob = await makeIdentityFile(join(folder, 'bob'))
  await made(context)
  await run(`secret recipients add bob ${bob.recipient}`)
  await run('secret rotate db password --random 32')
  assert.is(await opened(context, 'user', 'db', 'bob'), 'ada')
  assert.match((await run('secret rekey db')).stdout, 'secret/db unchanged')
})

test('what could not be opened keeps its recipients, and a rekey finds it', async (context) => {
  const { run, folder } = context
  await made(context)
  const other = await makeIdentityFile(join(folder, 'other'))
  await run(`secret recipients add other ${other.recipient}`)
  const env = { NSCTL_IDENTITY: join(folder, 'other') }
  const ran = await run('secret rotate db password --random 32', { env })
  assert.is(ran.code, 0, ran.stderr)
  assert.match(ran.stderr, 'user cannot be opened with your identity and keeps the recipients of before')
  assert.is(ran.stdout, 'secret/db rotated   1 key sealed\n')
  assert.equal((await stored(context)).spec.recipients, [], 'they are not the same for all of it')
  assert.match(
    (await run('describe secret db')).stdout,
    /Sealed to +not the same +not all keys .* nsctl secret rekey db/,
  )
  assert.match((await run('secret rekey db')).stdout, 'secret/db rekeyed   2 keys sealed to 2 recipients')
})

test('recipients: list, add, trust, remove', async (context) => {
  const { run, shop, folder } = context
  assert.match((await run('secret recipients')).stderr, 'there is no recipient yet')
  await made(context)
  const ssh = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKRuYTBc9xOSWtVTX4RYsm5j3Lp9sNrNpNtgmLrwGfmz ci@build'
  const added = await run(['secret', 'recipients', 'add', 'ci', ssh, '--comment', 'the builder'])
  assert.is(added.code, 0, added.stderr)
  assert.match(added.stdout, /^recipient\/ci created {3}age1[a-z0-9]{58}\n$/)
  assert.match(added.stderr, 'nsctl secret rekey --all -A')
  await shop.apply({ kind: 'Recipient', metadata: { name: 'eve' }, spec: { key: BOB, role: 'Operator' } })
  const list = JSON.parse((await run('secret recipients list -o json')).stdout)
  assert.equal(
    list.map(({ name, known }: { name: string; known: string }) => [
      name.replace(/^operator.*/, 'me'),
      known,
    ]),
    [
      ['ci', 'yes'],
      ['eve', 'no'],
      ['me', 'you'],
    ],
  )
  assert.match(
    (await run('secret recipients')).stdout,
    /^NAME +ROLE +KNOWN +KEY +COMMENT\nci +Operator +yes +age1\S+ +the builder\n/,
  )
  assert.is((await run('secret rotate db password --random 32')).code, 1)
  const trusted = await run('secret recipients trust eve')
  assert.is(trusted.stdout, `recipient/eve trusted   ${BOB}\n`)
  assert.is((await run('secret recipients trust eve')).stdout, `recipient/eve unchanged   ${BOB}\n`)
  assert.is((await run('secret rotate db password --random 32')).code, 0)
  assert.is((await run(`secret recipients add again ${BOB}`)).code, 4)
  assert.is((await run('secret recipients remove eve')).stdout, 'recipient/eve deleted\n')
  assert.equal((await stored(context)).spec.recipients?.length, 3)
  await run('secret rekey db')
  assert.equal((await stored(context)).spec.recipients?.length, 2)
  assert.is(statSync(join(folder, 'known-recipients')).mode & 0o777, 0o600)
})

test('a recipient whose key changed under its name is refused with both keys', async (context) => {
  const { run, shop } = context
  await made(context)
  await run(`secret recipients add bob ${BOB}`)
  const { recipient } = await newIdentity()
  await shop.apply({
    kind: 'Recipient',
    metadata: { name: 'bob' },
    spec: { key: recipient, role: 'Operator' },
  })
  const ran = await run('secret rotate db password --random 32')
  assert.is(ran.code, 1)
  assert.match(
    ran.stderr,
    `recipient bob (an operator) has another key than the one you know: ${recipient}, and it was ${BOB}`,
  )
})

test('what is known stays known behind a line that was cut off', async (context) => {
  const { run, folder } = context
  await made(context)
  const file = join(folder, 'known-recipients')
  writeFileSync(file, readFileSync(file, 'utf8').trimEnd())
  await run(`secret recipients add bob ${BOB}`)
  assert.is((await run('secret rotate db password --random 32')).code, 0)
  writeFileSync(file, `${readFileSync(file, 'utf8')}memory: bo`)
  const ran = await run('secret rotate db password --random 32')
  assert.is(ran.code, 2)
  assert.match(ran.stderr, /known-recipients:3: is no line of known recipients/)
})

test('identity: show, export, import', async (context) => {
  const { run, folder } = context
  await made(context)
  const [own] = await readIdentities(join(folder, 'identity'))
  assert.is((await run('secret identity')).stdout, `${own!.recipient}\n`)
  const copy = join(folder, 'copy')
  const exported = await run(`secret identity export ${copy}`)
  assert.is(exported.stdout, `identity ${own!.recipient} exported to ${copy}\n`, exported.stderr)
  assert.is(statSync(copy).mode & 0o777, 0o600)
  const over = await run(`secret identity export ${copy}`)
  assert.is(over.code, 4)
  assert.match(over.stderr, 'nsctl never writes over an identity')
  assert.match(
    (await run('secret identity export -')).stdout,
    /^# public key: age1\w+\nAGE-SECRET-KEY-1\w+\n$/,
  )
  assert.is((await run(`secret identity import ${copy}`)).code, 4)
  rmSync(join(folder, 'identity'))
  assert.is((await run('secret reveal db user')).code, 1)
  const imported = await run('secret identity import -', { stdin: readFileSync(copy, 'utf8') })
  assert.is(imported.code, 0, imported.stderr)
  assert.is((await run('secret reveal db user')).stdout, 'ada')
  assert.is((await run(`secret identity import ${copy} --control-plane`)).code, 0)
  assert.ok(existsSync(join(folder, 'state', 'identity')))
})

test('an identity can be made before anything is sealed', async ({ run, folder }) => {
  const nothing = await run('secret identity')
  assert.is(nothing.code, 1)
  assert.match(nothing.stderr, 'nsctl secret identity make makes a new one')
  const ran = await run('secret identity make')
  assert.match(ran.stdout, /^identity age1\w+ made in /)
  assert.is((await run('secret identity make')).code, 4)
  assert.is(
    `identity ${(await run('secret identity')).stdout.trim()} made in ${join(folder, 'identity')}\n`,
    ran.stdout,
  )
})

for (const c of [
  { words: ['secret', 'reveal', ''], want: ['db'] },
  { words: ['secret', 'rotate', 'db', ''], want: ['password', 'user'] },
  { words: ['secret', 'rekey', 'db', ''], want: ['db'] },
  { words: ['secret', 'edit', 'db', ''], want: [] },
  { words: ['secret', 'recipients', ''], want: ['list', 'add', 'remove', 'trust'] },
  { words: ['secret', 'recipients', 'trust', 'b'], want: ['bob'] },
  { words: ['secret', 'identity', 'ex'], want: ['export'] },
  { words: ['secret', 'reveal', '-n', 'other', ''], want: [] },
])
  test(`completes ${c.words.join(' ')}`, async (context) => {
    await made(context)
    await context.run(`secret recipients add bob ${BOB}`)
    const ran = await context.run(['__complete', '--', ...c.words])
    assert.equal(
      ran.stdout.split('\n').filter((line) => line !== ''),
      c.want,
    )
  })

test('an unknown flag is named without what stands behind it', async ({ run }) => {
  const ran = await run('secret create db --from-literl=password=hunter2 -o json')
  assert.is(ran.code, 2)
  assert.match(ran.stderr, 'unknown flag: --from-literl')
  assert.not.match(ran.stderr, 'hunter2')
})

test('an identity that others may read is refused', async (context) => {
  await made(context)
  const { chmodSync } = await import('node:fs')
  chmodSync(join(context.folder, 'identity'), 0o644)
  const ran = await context.run('secret reveal db user')
  assert.is(ran.code, 2)
  assert.match(ran.stderr, /others than its owner may read/)
})

const PLAIN = `# of the shop
apiVersion: nsctl.dev/v1alpha1
kind: Secret
metadata:
  name: app # ours
type: Opaque
immutable: true
stringData:
  password: hunter2
  cert: |
    one
    two
---
# stays as it is
apiVersion: nsctl.dev/v1alpha1
kind: Config
metadata: {name: web}
spec: {data: {A:   b}}
`

test('seal -w makes a file safe to commit and leaves the rest of it alone', async (context) => {
  const { run, folder } = context
  const file = join(folder, 'app.yaml')
  writeFileSync(join(folder, 'real.yaml'), PLAIN, { mode: 0o640 })
  symlinkSync('real.yaml', file)
  const ran = await run(`secret seal -w -f ${file} -n shop`)
  assert.is(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, /^secret\/app sealed {3}2 keys sealed to 1 recipient {3}/)
  const text = readFileSync(file, 'utf8')
  assert.not.match(text, /hunter2|stringData|Opaque/)
  assert.match(text, /^# of the shop\n/)
  assert.match(text, 'name: app # ours\n  namespace: shop\n')
  assert.match(text, PLAIN.slice(PLAIN.indexOf('---')))
  assert.is(statSync(file).mode & 0o777, 0o640)
  assert.equal(
    readdirSync(folder).filter((name) => name.includes('nsctl')),
    [],
  )
  assert.match((await run(`secret seal -w -f ${file}`)).stdout, 'nothing to seal')
  await run('create namespace shop')
  const applied = await run(`apply -f ${file}`)
  assert.match(applied.stdout, 'secret/app created   2 keys sealed to 1 recipient', applied.stderr)
  const secret = await context.shop.api.get<Secret>(refOf('app', 'shop'))
  assert.is(secret?.spec.immutable, true)
  assert.is((await run('secret reveal app cert -n shop')).stdout, 'one\ntwo\n')
})

test('seal takes what is stored of an equal value, so that applying the file restarts nothing', async (context) => {
  const { run } = context
  await run('apply -f -', { stdin: PLAIN })
  const before = await stored(context, 'app')
  const sealed = await run('secret seal -f -', { stdin: PLAIN })
  assert.not.match(sealed.stdout, 'hunter2')
  assert.match((await run('apply -f -', { stdin: sealed.stdout })).stdout, 'secret/app unchanged')
  assert.equal((await stored(context, 'app')).spec, before.spec)
})

test('a sealed file stays true through a rekey, and seal brings it up to date', async (context) => {
  const { run } = context
  const sealed = (await run('secret seal -f -', { stdin: PLAIN.replace('immutable: true\n', '') })).stdout
  await run('apply -f -', { stdin: sealed })
  await run(`secret recipients add bob ${BOB}`)
  assert.match((await run('secret rekey --all')).stdout, '1 rekeyed')
  const again = await run('apply -f -', { stdin: sealed })
  assert.match(again.stdout, 'secret/app unchanged', 'the file must not take the new recipients away again')
  assert.match(again.stderr, 'nsctl secret seal -w -f brings the file up to date')
  const newer = await run('secret seal -f -', { stdin: sealed })
  assert.match(newer.stdout, BOB)
  const last = await run('apply -f -', { stdin: newer.stdout })
  assert.match(last.stdout, 'secret/app unchanged')
  assert.not.match(last.stderr, 'up to date')
})

test('seal needs no store where recipients are named, also in a file and as JSON', async (context) => {
  const { run, folder, shop } = context
  const me = await makeIdentityFile(join(folder, 'me'))
  writeFileSync(join(folder, 'team'), `# us\n${BOB}\n\n`)
  const object = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Secret',
    metadata: { name: 'x' },
    stringData: { a: 'hunter2' },
  }
  const ran = await run(`secret seal -f - -n prod -r ${me.recipient} -R ${join(folder, 'team')}`, {
    stdin: JSON.stringify(object),
  })
  assert.is(ran.code, 0, ran.stderr)
  const secret = JSON.parse(ran.stdout) as Secret
  assert.equal(secret.spec.recipients, [me.recipient, BOB])
  assert.is(secret.metadata.namespace, 'prod')
  const value = await openValue(secret.spec.sealed!.a!, { namespace: 'prod', name: 'x', key: 'a' }, [me])
  assert.is(Buffer.from(value).toString(), 'hunter2')
  assert.not.ok(existsSync(join(folder, 'identity')))
  assert.is((await shop.api.list(shop.api.kinds.byKind('Recipient'))).items.length, 0)
})

test('recipients are said only where all keys have the same', async (context) => {
  const { run } = context
  const sealed = (await run('secret seal -f - -n default', { stdin: PLAIN.replace('immutable: true\n', '') }))
    .stdout
  await run('apply -f -', { stdin: sealed })
  await run(`secret recipients add bob ${BOB}`)
  await run('secret rekey --all')
  await run('secret rotate app token --random 32 --add')
  // the file is from before, and has one value that is new
  const newer = (
    await run('secret seal -f - -n default', {
      stdin: PLAIN.replace('hunter2', 'hunter3').replace('immutable: true\n', ''),
    })
  ).stdout
  await run('secret recipients remove bob')
  const ran = await run('apply -f -', { stdin: newer })
  assert.match(ran.stdout, 'secret/app configured', ran.stderr)
  assert.equal((await stored(context, 'app')).spec.recipients?.includes(BOB), true)
  assert.match((await run('secret rekey --all')).stdout, '1 rekeyed')
  const older = await run('apply -f -', { stdin: sealed })
  assert.match(older.stdout, 'secret/app configured', older.stderr)
  assert.is((await run('secret reveal app password')).stdout, 'hunter2')
  await run(`secret recipients add bob ${BOB}`)
  await run('secret rotate app token --random 32')
  await run('apply -f -', { stdin: newer.replace(/ {4}- age1ql3\w+\n/, '') })
  assert.equal((await stored(context, 'app')).spec.recipients, [], 'token is sealed to bob, the file is not')
  assert.match((await run('secret rekey --all')).stdout, '1 rekeyed')
})

test('a value that was sealed for another place is refused where the text has it', async (context) => {
  const { run } = context
  const sealed = (await run('secret seal -f - -n default', { stdin: PLAIN })).stdout
  for (const [moved, want] of [
    [
      sealed.replace('name: app', 'name: other'),
      /the value password of Secret default\/other was moved: it is sealed as password of Secret default\/app/,
    ],
    [sealed.replace('namespace: default', 'namespace: shop'), /Secret shop\/app was moved/],
    [
      sealed.replace('password:', 'pin:'),
      /the value pin of Secret default\/app was moved: it is sealed as password/,
    ],
    [sealed.replace(/version: \w+/, 'version: bcdfghjkmn'), /is sealed as version/],
  ] as const) {
    const ran = await run('apply -f -', { stdin: moved })
    assert.is(ran.code, 2)
    assert.match(ran.stderr, /stdin:\d+:\d+: /)
    assert.match(ran.stderr, want)
    assert.match(ran.stderr, 'nothing was applied')
    const created = await run('create -f -', { stdin: moved })
    assert.is(created.code, 2)
  }
  assert.is((await run('apply -f -', { stdin: sealed })).code, 0)
})

test('a file that was sealed and never stored keeps what is equal', async (context) => {
  const { run } = context
  const sealed = (await run('secret seal -f - -n default', { stdin: PLAIN })).stdout
  const version = /version: (\w+)/.exec(sealed)?.[1]
  const head = sealed.slice(0, sealed.indexOf('---\n#'))
  const again = await run('secret seal -f -', { stdin: `${head}stringData: {password: hunter2, more: x}\n` })
  assert.is(/password:\n\s+version: (\w+)/.exec(again.stdout)?.[1], version, again.stderr)
  assert.match(again.stderr, 'secret/app sealed   1 key sealed to 1 recipient')
})

test('with --partial a Secret that is wrong keeps the others from nothing', async (context) => {
  const { run, shop } = context
  const wrong = PLAIN.replace('hunter2', '[hunter2]')
  const ran = await run('apply -f - --partial', { stdin: wrong })
  assert.is(ran.code, 2)
  assert.match(ran.stderr, 'stringData.password: must be a string')
  assert.match(ran.stderr, 'the other documents were applied')
  assert.ok(await shop.api.get({ kind: 'Config', namespace: 'default', name: 'web' }))
})

test('what is rolled back is sealed to the recipients of then, and says so', async (context) => {
  const { run } = context
  await made(context)
  await run(`secret recipients add bob ${BOB}`)
  await run('secret rotate db password --random 32')
  const ran = await run('rollback secret/db')
  assert.is(ran.code, 0, ran.stderr)
  assert.match(ran.stderr, 'secret/db is sealed to the recipients of that revision: nsctl secret rekey db')
  assert.is(await opened(context, 'password'), 'hunter2')
  assert.match((await run('secret rekey db')).stdout, '1 rekeyed')
})

test('seal warns of a value that stands in the file still', async ({ run }) => {
  const ran = await run('secret seal -f -', {
    stdin: PLAIN.replace('# of the shop', '# it was hunter2 before'),
  })
  assert.is(ran.code, 0)
  assert.match(
    ran.stderr,
    'warning: stdin: the value of password of secret/app stands in it still, in a comment or elsewhere',
  )
  assert.not.match(ran.stderr, 'hunter2')
})

test('seal refuses to take away what an alias elsewhere stands for', async ({ run }) => {
  const item = (text: string) => `- ${text.trim().replaceAll('\n', '\n  ')}\n`
  const [secret = '', config = ''] = PLAIN.split('---\n')
  const list = `apiVersion: v1\nkind: List\nitems:\n${item(secret.replace('password: ', 'password: &p '))}`
  const sealed = await run('secret seal -f -', { stdin: `${list}${item(config)}` })
  assert.is(sealed.code, 0, sealed.stderr)
  assert.match(sealed.stdout, 'kind: Config')
  assert.match((await run('apply -f -', { stdin: sealed.stdout })).stdout, '2 created')
  const ran = await run('secret seal -f -', { stdin: `${list}${item(config.replace('A:   b', 'A: *p'))}` })
  assert.is(ran.code, 2, ran.stdout)
  assert.match(ran.stderr, 'stdin: an alias refers to what is sealed now\n')
  assert.not.match(ran.stderr + ran.stdout, 'hunter2')
})

test('seal says what is wrong with a file without a value', async ({ run }) => {
  const ran = await run('secret seal -f -', { stdin: PLAIN.replace('hunter2', '[hunter2]') })
  assert.is(ran.code, 2)
  assert.match(ran.stderr, 'stringData.password: must be a string')
  assert.not.match(ran.stderr, 'hunter2')
})

/** An editor that does what a line of sh says with the file, $1. */
function editor({ folder }: Context, line: string): { env: Record<string, string> } {
  const file = join(folder, 'editor')
  writeFileSync(file, `#!/bin/sh\n${line}\n`, { mode: 0o700 })
  return { env: { EDITOR: file } }
}

test('edit seals what changed, deletes what is taken out, and leaves no file', async (context) => {
  const { run, folder } = context
  await made(context)
  const before = await stored(context)
  const log = join(folder, 'log')
  const ran = await run(
    'secret edit db',
    editor(
      context,
      `echo "$1" > ${log}; stat -c %a "$1" >> ${log}; stat -f -c %T "$1" >> ${log}; sed -i '/^password/d' "$1"; echo 'token: t0ken' >> "$1"`,
    ),
  )
  assert.is(ran.code, 0, ran.stderr)
  assert.is(ran.stdout, 'secret/db edited   1 key sealed to 1 recipient\n')
  const [file, mode, kind] = readFileSync(log, 'utf8').split('\n')
  assert.equal([mode, kind, existsSync(file!)], ['600', 'tmpfs', false])
  const { sealed } = (await stored(context)).spec
  assert.equal(Object.keys(sealed!).sort(), ['token', 'user'])
  assert.equal(sealed!.user, before.spec.sealed!.user)
  assert.is(await opened(context, 'token'), 't0ken')
})

test('edit is cancelled by leaving the text alone or emptying it', async (context) => {
  await made(context)
  const before = await stored(context)
  for (const line of ['true', ': > "$1"']) {
    const ran = await context.run('secret edit db', editor(context, line))
    assert.is(ran.code, 0, ran.stderr)
    assert.match(ran.stderr, 'cancelled: nothing was changed')
  }
  assert.equal(await stored(context), before)
})

test('edit opens again with the fault, and never says the value', async (context) => {
  await made(context)
  const marker = join(context.folder, 'second')
  const line = `if test -e ${marker}; then cp "$1" ${marker}; sed -i 's/^password:.*/password: right/' "$1"; else touch ${marker}; sed -i 's/^password:.*/password: [hunter3/' "$1"; fi`
  const ran = await context.run('secret edit db', editor(context, line))
  assert.is(ran.code, 0, ran.stderr)
  assert.match(readFileSync(marker, 'utf8'), /# error: line \d+, column \d+: this is no YAML\n/)
  assert.is(await opened(context, 'password'), 'right')
  const wrong = await context.run(
    'secret edit db',
    editor(context, `sed -i 's/^password:.*/password: 12345678/' "$1"`),
  )
  assert.is(wrong.code, 2)
  assert.match(wrong.stderr, 'password: must be text: put it into quotes')
  assert.not.match(wrong.stderr, '12345678')
})

test('edit keeps binary values as they are', async (context) => {
  const { run, folder } = context
  const bytes = Buffer.from([0, 200, 10, 27])
  writeFileSync(join(folder, 'blob'), bytes)
  await run(`secret create db --from-file ${join(folder, 'blob')}`)
  const before = await stored(context)
  await run('secret edit db', editor(context, `echo 'more: text' >> "$1"`))
  assert.equal((await stored(context)).spec.sealed!.blob, before.spec.sealed!.blob)
})

test('an edit that another overtook changes nothing', async (context) => {
  await made(context)
  const { shop } = context
  const race = shop.api.patch(
    refOf('db'),
    'merge',
    { spec: { immutable: false } },
    { actor: { name: 'bob' } },
  )
  await race
  const before = await stored(context)
  const mark = join(context.folder, 'go')
  const slow = context.run(
    'secret edit db',
    editor(
      context,
      `touch ${mark}.open; while ! test -e ${mark}; do sleep 0.05; done; sed -i 's/^password:.*/password: mine/' "$1"`,
    ),
  )
  while (!existsSync(`${mark}.open`)) await new Promise((resolve) => setTimeout(resolve, 20))
  await context.run('secret rotate db password --random 32')
  writeFileSync(mark, '')
  const ran = await slow
  assert.is(ran.code, 1)
  assert.match(ran.stderr, 'secret/db was changed by another while you edited it')
  assert.is.not((await stored(context)).metadata.generation, before.metadata.generation)
  assert.is.not(await opened(context, 'password'), 'mine')
})

test('nsctl edit of a Secret works on ciphertext, in memory, and seals what is added', async (context) => {
  await made(context)
  const log = join(context.folder, 'log')
  const ran = await context.run(
    'edit secret db',
    editor(
      context,
      `stat -f -c %T "$1" > ${log}; cat "$1" >> ${log}; printf 'stringData:\\n  token: t0ken\\n' >> "$1"`,
    ),
  )
  assert.is(ran.code, 0, ran.stderr)
  assert.match(readFileSync(log, 'utf8'), /^tmpfs\n/)
  assert.not.match(readFileSync(log, 'utf8'), 'hunter2')
  assert.is(await opened(context, 'token'), 't0ken')
  assert.is(await opened(context, 'password'), 'hunter2')
  assert.not.match(JSON.stringify(await context.shop.api.history(refOf('db'))), 't0ken')
})

test('node trust pins what the node says, or what is given', async ({ run, shop }) => {
  await shop.api.ensure({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Node',
    metadata: { name: 'alpha' },
    spec: {},
  } as never)
  const silent = await run('node trust alpha')
  assert.is(silent.code, 1)
  assert.match(silent.stderr, 'node/alpha has not said which key it has')
  await shop.setStatus('Node', 'alpha', { phase: 'Ready', recipient: BOB })
  const trusted = await run('node trust alpha')
  assert.is(trusted.stdout, `node/alpha trusted   ${BOB}\n`, trusted.stderr)
  assert.is((await run('node trust alpha')).stdout, `node/alpha unchanged   ${BOB}\n`)
  const key = 'alpha ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKRuYTBc9xOSWtVTX4RYsm5j3Lp9sNrNpNtgmLrwGfmz'
  const other = await run(['node', 'trust', 'alpha', '--host-key', key])
  assert.match(other.stdout, new RegExp(`^node/alpha trusted {3}age1\\w+ \\(was ${BOB}\\)\n$`))
  assert.match(other.stderr, `warning: alpha itself says that it has ${BOB}`)
  assert.is(
    (await run('node trust alpha --dry-run')).stdout,
    `node/alpha trusted   ${BOB} (was ${other.stdout.split(' ').filter((w) => w.startsWith('age1'))[0]}) (dry run)\n`,
  )
  assert.is(
    (await run(['patch', 'node', 'alpha', '-p', '{"spec":{"recipient":"x"}}'])).code,
    2,
    'all else stays nsctl’s',
  )
  assert.is((await run('node trust alpha --recipient age1nonsense')).code, 2)
})

test.run()
