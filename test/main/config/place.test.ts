import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NsctlError } from '../../../src/core/errors.ts'
import { choosePlace, variablesOf } from '../../../src/main/config/place.ts'
import { configFileOf } from '../../../src/main/paths.ts'

const folder = mkdtempSync(join(tmpdir(), 'nsctl-place-'))
test.after(() => rmSync(folder, { recursive: true }))

const file = join(folder, 'config')
writeFileSync(
  file,
  `apiVersion: nsctl.dev/v1alpha1
kind: Config
current-context: dev
contexts:
- name: dev
  context:
    store: sqlite:dev.db
    namespace: shop
- name: lab
  context:
    store: "memory:"
    tokenFile: secrets/token
- name: broken
  context:
    store: bogus:x
`,
  { mode: 0o600 },
)
const env = { NSCTL_CONFIG: file }
const dev = `sqlite:${folder}/dev.db`

for (const c of [
  {
    name: '--store goes first',
    env: { ...env, NSCTL_STORE: 'memory:' },
    given: { store: 'sqlite:/a.db' },
    want: ['sqlite:/a.db', undefined],
  },
  {
    name: '--context goes before $NSCTL_STORE',
    env: { ...env, NSCTL_STORE: 'sqlite:/b.db' },
    given: { context: 'lab' },
    want: ['memory:', undefined],
  },
  {
    name: '$NSCTL_STORE goes before the current context, whose namespace is of its own store',
    env: { ...env, NSCTL_STORE: 'sqlite:/b.db' },
    given: {},
    want: [undefined, undefined],
  },
  {
    name: 'an empty $NSCTL_STORE counts for nothing',
    env: { ...env, NSCTL_STORE: '' },
    given: {},
    want: [dev, 'shop'],
  },
  { name: 'the current context, its path counted from its file', env, given: {}, want: [dev, 'shop'] },
  {
    name: 'no file: the embedded store',
    env: { NSCTL_CONFIG: join(folder, 'none') },
    given: {},
    want: [undefined, undefined],
  },
])
  test(c.name, async () => {
    const { store, namespace } = await choosePlace(c.env, c.given)
    assert.equal([store, namespace], c.want)
  })

for (const c of [
  {
    name: '--store beside --context',
    env,
    given: { store: 'memory:', context: 'dev' },
    code: 'Usage',
    says: /exclude each other/,
    next: /leave one/,
  },
  {
    name: 'an unknown context',
    env,
    given: { context: 'lba' },
    code: 'Invalid',
    says: /^there is no context "lba" in .*config$/,
    next: /^did you mean lab\? there are lab, dev, broken$/,
  },
  {
    name: 'a context with an impossible store',
    env,
    given: { context: 'broken' },
    code: 'Invalid',
    says: /^context broken \(from .*config\): the store "bogus:x" has an unknown engine/,
    next: /write it like/,
  },
  {
    name: '--context without a file',
    env: { NSCTL_CONFIG: join(folder, 'none') },
    given: { context: 'dev' },
    code: 'Invalid',
    says: /^there is no context "dev"/,
    next: /set-context dev --store URL/,
  },
  {
    name: 'a folder',
    env: { NSCTL_CONFIG: folder },
    given: {},
    code: 'Unreachable',
    says: /cannot be read: EISDIR/,
    next: /NSCTL_CONFIG/,
  },
])
  test(`${c.name} is refused`, async () => {
    const error = (await choosePlace(c.env, c.given).catch((error) => error)) as NsctlError
    assert.is(error.code, c.code)
    assert.match(error.message, c.says)
    assert.match(error.next ?? '', c.next)
  })

test('a current context that is not there says so, and how to choose another', async () => {
  const other = join(folder, 'dangling')
  writeFileSync(other, 'apiVersion: nsctl.dev/v1alpha1\nkind: Config\ncurrent-context: gone\ncontexts: []\n')
  const error = await choosePlace({ NSCTL_CONFIG: other }, {}).catch((error: NsctlError) => error)
  assert.match((error as NsctlError).message, /which names it as the current one$/)
  assert.match((error as NsctlError).next ?? '', 'nsctl config use-context')
})

for (const c of [
  { name: 'nothing', context: {}, want: {} },
  {
    name: 'a token file, which no token of the environment beats',
    context: { tokenFile: 't' },
    want: { CONSUL_HTTP_TOKEN: undefined, CONSUL_HTTP_TOKEN_FILE: '/c/t' },
  },
  {
    name: 'a token',
    context: { token: 'x' },
    want: { CONSUL_HTTP_TOKEN: 'x', CONSUL_HTTP_TOKEN_FILE: undefined },
  },
  {
    name: 'whom to trust',
    context: { 'certificate-authority': '/ca' },
    want: { CONSUL_CACERT: '/ca', ETCDCTL_CACERT: '/ca' },
  },
  {
    name: 'a client certificate',
    context: { 'client-certificate': 'a', 'client-key': '/b' },
    want: { CONSUL_CLIENT_CERT: '/c/a', CONSUL_CLIENT_KEY: '/b', ETCDCTL_CERT: '/c/a', ETCDCTL_KEY: '/b' },
  },
  {
    name: 'a user',
    context: { username: 'ada', password: 'p' },
    want: { ETCDCTL_USER: 'ada', ETCDCTL_PASSWORD: 'p' },
  },
])
  test(`what adapters read of a context: ${c.name}`, () =>
    assert.equal(variablesOf({ store: 'memory:', ...c.context }, '/c'), c.want))

for (const c of [
  { name: '$NSCTL_CONFIG', env: { NSCTL_CONFIG: '/a/b', XDG_CONFIG_HOME: '/x', HOME: '/h' }, want: '/a/b' },
  { name: '$XDG_CONFIG_HOME', env: { XDG_CONFIG_HOME: '/x', HOME: '/h' }, want: '/x/nsctl/config' },
  {
    name: 'a relative $XDG_CONFIG_HOME',
    env: { XDG_CONFIG_HOME: 'x', HOME: '/h' },
    want: '/h/.config/nsctl/config',
  },
  { name: '$HOME', env: { HOME: '/h' }, want: '/h/.config/nsctl/config' },
])
  test(`the file by ${c.name}`, () => assert.is(configFileOf(c.env), c.want))

test.run()
