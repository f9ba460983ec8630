/** Secrets from the command line, over a store in memory: what is sealed, what is said, and that nothing of a value is anywhere. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Secret } from '../../src/resources/generated/types.ts'
import { seal } from '../../src/secrets/age.ts'
import { makeIdentityFile, readIdentities } from '../../src/secrets/identity.ts'
import { openValue } from '../../src/secrets/value.ts'
import { encryptTree, type Tree, yamlOf } from '../secrets/sources/sops-writer.ts'
import { openShop, type RunOptions, type Shop } from './shop.ts'

interface Context {
  folder: string
  shop: Shop
  run(line: string, options?: RunOptions): ReturnType<Shop['run']>
}

const test = suite<Context>('secret create')

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'nsctl-secret-'))
  context.shop = await openShop()
  const env = { NSCTL_CONFIG: join(context.folder, 'config'), NSCTL_HOME: join(context.folder, 'state') }
  context.run = (line, options = {}) =>
    context.shop.run(line.split(' '), { ...options, env: { ...env, ...options.env } })
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const ref = { kind: 'Secret', namespace: 'default', name: 'db' }

async function opened({ shop, folder }: Context, key: string, from = ref): Promise<string> {
  const secret = await shop.api.get<Secret>(from)
  const identities = await readIdentities(join(folder, 'identity'))
  const { namespace, name } = from
  const value = await openValue(secret!.spec.sealed![key]!, { namespace, name, key }, identities)
  return Buffer.from(value).toString('utf8')
}

function manifest(values: Record<string, unknown>, more = ''): string {
  const lines = Object.entries(values).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
  return `apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: db}\n${more}stringData:\n${lines.join('')}`
}

test('the first one makes an identity, and a recipient of it', async (context) => {
  const { run, folder, shop } = context
  const ran = await run('secret create db --from-file password=-', { stdin: 'hunter2' })
  assert.is(ran.code, 0, ran.stderr)
  assert.is(ran.stdout, 'secret/db created   1 key sealed to 1 recipient\n')
  const identity = join(folder, 'identity')
  assert.match(ran.stderr, `${identity} made: it opens what you seal`)
  assert.match(ran.stderr, /recipient\/operator-ada-\S+ created/)
  assert.match(ran.stderr, /the control plane has no identity yet/)
  assert.is(statSync(identity).mode & 0o777, 0o600)
  assert.is(await opened(context, 'password'), 'hunter2')
  const again = await run('secret create other --from-literal a=b')
  assert.is(again.stdout, 'secret/other created   1 key sealed to 1 recipient\n')
  assert.not.match(again.stderr, 'made')
  assert.match(again.stderr, /what is typed as --from-literal is seen/)
  const { items } = await shop.api.list(shop.api.kinds.byKind('Recipient'))
  assert.is(items.length, 1)
})

test('create secret generic is the same', async (context) => {
  const ran = await context.run(
    'create secret generic db --from-literal password=hunter2 --from-literal user=ada',
  )
  assert.is(ran.stdout, 'secret/db created   2 keys sealed to 1 recipient\n', ran.stderr)
  assert.is(await opened(context, 'password'), 'hunter2')
  const other = await context.run('create secret tls db --from-literal a=b')
  assert.is(other.code, 2)
  assert.match(other.stderr, 'there is no type "tls" of Secrets')
})

test('a dry run writes nothing: no Secret, no identity, no recipient', async ({ run, shop, folder }) => {
  const ran = await run('secret create db --from-literal password=hunter2 --dry-run -o yaml')
  assert.is(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, 'BEGIN AGE ENCRYPTED FILE')
  assert.not.match(ran.stdout, 'hunter2')
  assert.is(await shop.api.get(ref), undefined)
  assert.not.ok(existsSync(join(folder, 'identity')))
  assert.not.ok(existsSync(join(folder, 'known-recipients')))
  assert.is((await shop.api.list(shop.api.kinds.byKind('Recipient'))).items.length, 0)
})

test('without a value there is nothing to create', async ({ run }) => {
  const ran = await run('secret create db')
  assert.is(ran.code, 2)
  assert.match(ran.stderr, 'no value was given')
})

test('apply seals stringData and data, and says so', async (context) => {
  const { run, shop } = context
  const data = `data:\n  bytes: ${Buffer.from([0, 255, 10]).toString('base64')}\n`
  const ran = await run('apply -f -', { stdin: manifest({ password: 'hunter2' }, data) })
  assert.is(ran.code, 0, ran.stderr)
  assert.is(
    ran.stdout,
    'secret/db created   2 keys sealed to 1 recipient\n1 created, 0 changed, 0 unchanged\n',
  )
  assert.is(await opened(context, 'password'), 'hunter2')
  const stored = await shop.api.get<Secret>(ref)
  assert.equal(Object.keys(stored!).sort(), ['apiVersion', 'kind', 'metadata', 'spec'])
  assert.equal(Object.keys(stored!.spec.sealed!).sort(), ['bytes', 'password'])
})

test('the same plain text again is unchanged, and one changed key is one new version', async (context) => {
  const { run, shop } = context
  await run('apply -f -', { stdin: manifest({ password: 'hunter2', user: 'ada' }) })
  const before = (await shop.api.get<Secret>(ref))!
  const same = await run('apply -f -', { stdin: manifest({ password: 'hunter2', user: 'ada' }) })
  assert.is(same.stdout, 'secret/db unchanged\n0 created, 0 changed, 1 unchanged\n', same.stderr)
  assert.is((await shop.api.get(ref))!.metadata.resourceVersion, before.metadata.resourceVersion)
  const diff = await run('diff -f -', { stdin: manifest({ password: 'hunter2', user: 'ada' }) })
  assert.equal([diff.code, diff.stdout], [0, ''])
  const changed = await run('apply -f -', { stdin: manifest({ password: 'hunter3', user: 'ada' }) })
  assert.is(
    changed.stdout,
    'secret/db configured   1 key sealed to 1 recipient\n0 created, 1 changed, 0 unchanged\n',
  )
  const after = (await shop.api.get<Secret>(ref))!
  assert.is(after.spec.sealed!.user!.age, before.spec.sealed!.user!.age)
  assert.is.not(after.spec.sealed!.password!.version, before.spec.sealed!.password!.version)
  assert.is(await opened(context, 'password'), 'hunter3')
})

test('who cannot open what is stored is told that it counts as new', async ({ run, folder }) => {
  await run('apply -f -', { stdin: manifest({ password: 'hunter2' }) })
  const other = { NSCTL_IDENTITY: join(folder, 'other') }
  const ran = await run('apply -f -', { stdin: manifest({ password: 'hunter2' }), env: other })
  assert.is(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, 'secret/db configured   1 key sealed to 2 recipients')
  assert.match(
    ran.stderr,
    'secret/db: what is stored as password does not open with your identity, so that this counts as new',
  )
})

test('a recipient that came meanwhile is refused, until it is known', async ({ run, shop, folder }) => {
  await run('apply -f -', { stdin: manifest({ password: 'hunter2' }) })
  const key = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
  await shop.apply({ kind: 'Recipient', metadata: { name: 'eve' }, spec: { key, role: 'Operator' } })
  const same = await run('apply -f -', { stdin: manifest({ password: 'hunter2' }) })
  assert.match(same.stdout, 'unchanged', 'nothing to seal, nobody to refuse')
  const ran = await run('apply -f -', { stdin: manifest({ password: 'hunter3' }) })
  assert.is(ran.code, 1)
  assert.match(ran.stderr, `recipient eve (an operator, ${key}) is new to you, and nothing is sealed to it`)
  assert.match(ran.stderr, 'nsctl secret recipients trust eve')
  assert.not.match(readFileSync(join(folder, 'known-recipients'), 'utf8'), key)
})

test('recipients of a store that is used for the first time are taken for right, and named', async ({
  run,
  shop,
}) => {
  const key = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
  await shop.apply({ kind: 'Recipient', metadata: { name: 'bob' }, spec: { key, role: 'Operator' } })
  const ran = await run('apply -f -', { stdin: manifest({ password: 'hunter2' }) })
  assert.match(ran.stdout, '1 key sealed to 2 recipients', ran.stderr)
  assert.match(ran.stderr, `takes 1 recipient there for right: bob ${key}`)
  await shop.api.delete({ kind: 'Recipient', name: 'bob' }, { actor: { name: 'ada' } })
  const gone = await run('apply -f -', { stdin: manifest({ password: 'hunter3' }) })
  assert.match(gone.stdout, '1 key sealed to 1 recipient', gone.stderr)
  await shop.apply({ kind: 'Recipient', metadata: { name: 'bob' }, spec: { key, role: 'Operator' } })
  assert.is((await run('apply -f -', { stdin: manifest({ password: 'hunter4' }) })).code, 1)
})

test('the embedded store has its control plane where this user is', async (context) => {
  const { folder, shop, run } = context
  const state = join(folder, 'state')
  shop.setStoreUrl(`sqlite:${join(state, 'store.db')}`)
  const ran = await run('apply -f -', { stdin: manifest({ password: 'hunter2' }) })
  assert.match(ran.stdout, '1 key sealed to 2 recipients', ran.stderr)
  assert.not.match(ran.stderr, 'warning')
  const [identity] = await readIdentities(join(state, 'identity'))
  const recipient = await shop.api.get({ kind: 'Recipient', name: 'control-plane' })
  assert.equal(recipient?.spec, {
    key: identity!.recipient,
    role: 'ControlPlane',
    comment: recipient?.spec?.comment,
  })
})

test('a control plane whose identity is lost is not given another by the way', async (context) => {
  const { folder, shop, run } = context
  const identity = join(folder, 'state', 'identity')
  shop.setStoreUrl(`sqlite:${join(folder, 'state', 'store.db')}`)
  await run('apply -f -', { stdin: manifest({ password: 'hunter2' }) })
  rmSync(identity)
  const ran = await run('apply -f -', { stdin: manifest({ password: 'hunter3' }) })
  assert.match(ran.stdout, '1 key sealed to 2 recipients', ran.stderr)
  assert.not.ok(existsSync(identity), 'its backup must have a place to go to')
})

test('NSCTL_IDENTITY=none seals and makes no identity', async ({ run, shop, folder }) => {
  const env = { NSCTL_IDENTITY: 'none' }
  const nobody = await run('secret create db --from-literal a=b', { env })
  assert.is(nobody.code, 1)
  assert.match(nobody.stderr, 'there is nobody in memory: to seal to')
  const key = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
  await shop.apply({ kind: 'Recipient', metadata: { name: 'bob' }, spec: { key, role: 'Operator' } })
  assert.is((await run('secret create db --from-literal a=b', { env })).code, 0)
  assert.not.ok(existsSync(join(folder, 'identity')))
})

for (const c of [
  {
    name: 'a number that is no text',
    text: manifest({ password: 918273645 }),
    want: /stringData\.password: must be a string: put it into quotes/,
  },
  {
    name: 'data that is no base64',
    text: manifest({}).replace('stringData:', 'data: {password: "hunter2 hunter2"}'),
    want: /data\.password: must be base64; plain text belongs into stringData/,
  },
  {
    name: 'a key that is none',
    text: manifest({ 'pass word': 'hunter2' }),
    want: /a key is made of letters/,
  },
  {
    name: 'an unknown field below the values',
    text: `${manifest({ password: 'hunter2' })}typo: hunter2\n`,
    want: /unknown field/,
  },
  {
    name: 'values in spec',
    text: 'apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: db}\nspec:\n  stringData:\n    password: hunter2\n',
    want: /spec\.stringData: holds values that lie open/,
  },
  {
    name: 'a value where a sealed one belongs',
    text: 'apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: db}\nspec:\n  sealed:\n    password: hunter2\n',
    want: /spec\.sealed\.password: must be an object/,
  },
  {
    name: 'YAML that cannot be read, within the value',
    text: `${manifest({})}  password: [hunter2, {hunter2\n`,
    want: /stdin:\d+:\d+: /,
  },
  {
    name: 'YAML that refers to what is not there',
    text: `${manifest({})}  password: *hunter2\n`,
    want: /not repeated, since it may be part of a value/,
  },
  {
    name: 'a number that is too long',
    text: `${manifest({})}  password: 91827364591827364591827364500\n`,
    want: /not repeated/,
  },
  {
    name: 'JSON that is cut off',
    text: '{"apiVersion":"nsctl.dev/v1alpha1","kind":"Secret","metadata":{"name":"db"},"stringData":{"password":"hunter2"',
    want: /stdin:1:\d+: /,
  },
  {
    name: 'another apiVersion',
    text: manifest({ password: 'hunter2' }).replace('nsctl.dev/v1alpha1', 'v1'),
    want: /did you mean \\?"nsctl\.dev\/v1alpha1/,
  },
  {
    name: 'a fault of the document behind it',
    text: `${manifest({ password: 'hunter2' })}---\napiVersion: nsctl.dev/v1alpha1\nkind: Servic\nmetadata: {name: web}\n`,
    want: /did you mean \\?"Service/,
  },
  {
    name: 'a missing name',
    text: 'kind: Secret\napiVersion: nsctl.dev/v1alpha1\nstringData: {password: hunter2}\nmetadata: {}\n',
    want: /metadata\.name is missing/,
  },
])
  test(`what is wrong is said without the value: ${c.name}`, async ({ run, shop }) => {
    for (const verb of ['apply', 'create', 'diff', 'validate'])
      for (const output of ['', ' -o json']) {
        if (verb === 'diff' && output !== '') continue
        // which makes one document after the other
        if (verb === 'create' && c.text.includes('---')) continue
        const ran = await run(`${verb} -f -${output}`, { stdin: c.text })
        assert.is(ran.code, 2, `${verb}: ${ran.stderr}`)
        assert.match(ran.stderr, c.want)
        assert.not.match(ran.stderr + ran.stdout, /hunter2|918273645/, ran.stderr)
      }
    assert.is(await shop.api.get(ref), undefined)
  })

test('plain text that reaches the api is refused with the remedy', async ({ shop }) => {
  try {
    await shop.apply({ kind: 'Secret', metadata: { name: 'db' }, stringData: { password: 'hunter2' } })
  } catch (error) {
    const text = JSON.stringify(error)
    assert.match(text, 'stringData: holds values that lie open, and a Secret is stored sealed only')
    assert.match(text, 'nsctl secret seal -w -f FILE')
    assert.not.match(text, 'hunter2')
    return
  }
  assert.unreachable()
})

test('kubectl’s copy of what it applied is left out by the client, and refused by the api', async ({
  run,
  shop,
}) => {
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
  const text = manifest({ password: 'hunter2' }).replace(
    '{name: db}',
    `{name: db, annotations: {${annotation}: '{"data":{"password":"aHVudGVyMg=="}}'}}`,
  )
  const ran = await run('apply -f -', { stdin: text })
  assert.is(ran.code, 0, ran.stderr)
  assert.not.match(JSON.stringify(await shop.api.get(ref)), 'aHVudGVyMg')
})

test('validate takes plain text without sealing for anybody', async ({ run, folder }) => {
  const ran = await run('validate -f -', { stdin: manifest({ password: 'hunter2' }) })
  assert.is(ran.stdout, '1 document is valid\n', ran.stderr)
  assert.is(ran.stderr, '')
  assert.not.ok(existsSync(join(folder, 'identity')))
})

test('a patch seals too', async (context) => {
  const { run, shop } = context
  await run('apply -f -', { stdin: manifest({ password: 'hunter2', user: 'ada' }) })
  const patch = JSON.stringify({ stringData: { password: 'hunter3', user: null } })
  const ran = await context.shop.run(['patch', 'secret', 'db', '-p', patch], {
    env: { NSCTL_CONFIG: join(context.folder, 'config') },
  })
  assert.is(ran.stdout, 'secret/db patched\n', ran.stderr)
  assert.equal(Object.keys((await shop.api.get<Secret>(ref))!.spec.sealed!), ['password'])
  assert.is(await opened(context, 'password'), 'hunter3')
  const list = JSON.stringify([{ op: 'add', path: '/stringData', value: { password: 'hunter4' } }])
  const refused = await context.shop.run(
    ['patch', 'secret', 'db', '--type', 'json', '-o', 'json', '-p', list],
    {
      env: { NSCTL_CONFIG: join(context.folder, 'config') },
    },
  )
  assert.is(refused.code, 2)
  assert.not.match(refused.stderr, 'hunter4')
  const odd = await context.shop.run(['patch', 'secret', 'db', '-o', 'json', '-p', list], {
    env: { NSCTL_CONFIG: join(context.folder, 'config') },
  })
  assert.is(odd.code, 2)
  assert.not.match(odd.stderr, 'hunter4')
  assert.not.match(JSON.stringify(await shop.api.history(ref)), /hunter|aHVudGVy/)
})

test('a value that fits no object is refused by its name', async ({ run, shop, folder }) => {
  const file = join(folder, 'large')
  writeFileSync(file, Buffer.alloc(1024 * 1024, 'hunter2'))
  const ran = await run(`secret create db --from-file ${file} --from-literal a=b`)
  assert.is(ran.code, 2)
  assert.match(ran.stderr, /Secret default\/db does not fit: .* the value of large is its largest/)
  assert.not.match(ran.stderr, /hunter2|1048576|1\s?Mi/)
  const applied = await run('apply -f -', { stdin: manifest({ password: 'hunter2'.repeat(20_000) }) })
  assert.is(applied.code, 2)
  assert.match(applied.stderr, 'the value of password is its largest')
  assert.is(await shop.api.get(ref), undefined)
})

test('what agenix and sops have sealed is opened with the identities that are there', async (context) => {
  const { run, folder } = context
  const identity = await makeIdentityFile(join(folder, 'agenix'))
  writeFileSync(join(folder, 'password.age'), await seal(Buffer.from('hunter2'), [identity.recipient]))
  const line = `secret create db --from-agenix password=${join(folder, 'password.age')} --from-literal user=ada`
  const refused = await run(line)
  assert.is(refused.code, 1, refused.stderr)
  const ran = await run(`${line} --identity ${join(folder, 'agenix')}`)
  assert.is(ran.stdout, 'secret/db created   2 keys sealed to 1 recipient\n', ran.stderr)
  assert.is(await opened(context, 'password'), 'hunter2')
  const twice = await run(`${line} --from-literal password=x --identity ${join(folder, 'agenix')}`)
  assert.match(twice.stderr, 'the key password is given twice')
  assert.match(
    (await run('secret create x --from-agenix nonsense')).stderr,
    '--from-agenix needs KEY=FILE, not "nonsense"',
  )
  const tree: Tree = [
    ['user', 'ada'],
    ['password', 'hunter2'],
  ]
  const sops = yamlOf(await encryptTree(tree, { recipients: [identity.recipient] }))
  writeFileSync(join(folder, 'db.sops.yaml'), sops)
  const other = await run(
    `secret create other --from-sops ${join(folder, 'db.sops.yaml')} -i ${join(folder, 'agenix')}`,
  )
  assert.is(other.stdout, 'secret/other created   2 keys sealed to 1 recipient\n', other.stderr)
  assert.is((await run('secret reveal other user')).stdout, 'ada')
})

test('a Config of values and files', async ({ run, shop, folder }) => {
  const file = join(folder, 'web.conf')
  writeFileSync(file, 'listen 80\n')
  const ran = await run(`create config web --from-literal LEVEL=info --from-file ${file} --immutable`)
  assert.is(ran.stdout, 'config/web created\n', ran.stderr)
  assert.equal((await shop.api.get({ kind: 'Config', namespace: 'default', name: 'web' }))?.spec, {
    data: { LEVEL: 'info' },
    files: { 'web.conf': 'listen 80\n' },
    immutable: true,
  })
  writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00]))
  const binary = await run(`create config bin --from-file ${file}`)
  assert.is(binary.code, 2)
  assert.match(binary.stderr, 'web.conf is not UTF-8, and a Config holds text')
})

test.run()
