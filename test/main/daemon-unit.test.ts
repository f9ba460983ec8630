import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { daemonUnit, storeOfUnit } from '../../src/main/daemon-unit.ts'
import type { Environment } from '../../src/main/paths.ts'

const unit = (env: Environment, store?: string) =>
  daemonUnit({
    scope: 'system',
    env,
    command: ['/usr/bin/node', '/opt/nsctl.cjs'],
    runtime: 'auto',
    ...(store === undefined ? {} : { store }),
  })

test('starts what installs it, with its home and PATH, and ends no workload with itself', () => {
  const text = unit({ NSCTL_HOME: '/var/lib/x', PATH: '/bin:/usr/bin' })
  assert.match(text, '\nExecStart=/usr/bin/node /opt/nsctl.cjs up --runtime auto\n')
  assert.match(text, '\nEnvironment=NSCTL_HOME=/var/lib/x\nEnvironment=PATH=/bin:/usr/bin\n')
  assert.match(text, '\nKillMode=process\n')
  assert.match(text, '\nWantedBy=multi-user.target\n')
})

for (const [runtime, dumps] of [
  ['auto', false],
  ['systemd', false],
  ['process', true],
] as const)
  test(`under the runtime ${runtime} the daemon ${dumps ? 'may leave' : 'leaves no'} core dump, nor do its children`, () => {
    const text = daemonUnit({ scope: 'system', env: { HOME: '/h' }, command: ['/usr/bin/node'], runtime })
    assert.is(text.includes('\nLimitCORE=0\nCoredumpFilter=0x0\n'), !dumps)
  })

test('what is said of the node stands in it', () => {
  const text = daemonUnit({
    ...{ scope: 'system', env: { HOME: '/h' }, command: ['/usr/bin/node'], runtime: 'auto' },
    words: ['--node', 'alpha', '--address', '10.0.0.7'],
  })
  assert.match(text, '\nExecStart=/usr/bin/node up --runtime auto --node alpha --address 10.0.0.7\n')
})

test('what a context says of who we are stands in it', () => {
  const text = daemonUnit({
    scope: 'user',
    env: { NSCTL_HOME: '/h' },
    command: ['/usr/bin/node'],
    runtime: 'auto',
    store: 'sqlite:/s.db',
    variables: { CONSUL_HTTP_TOKEN: undefined, CONSUL_HTTP_TOKEN_FILE: '/etc/a token' },
  })
  assert.match(text, '\nEnvironment=NSCTL_HOME=/h\nEnvironment="CONSUL_HTTP_TOKEN_FILE=/etc/a token"\n')
  assert.not.match(text, 'CONSUL_HTTP_TOKEN=')
})

test('an empty PATH is left to systemd', () => assert.not.match(unit({ HOME: '/h' }), 'PATH='))

test('what systemd would read as its own is escaped: $ in commands only, % and \\ everywhere', () => {
  const text = unit({ NSCTL_HOME: '/a $b%c\\d"e' }, 'sqlite:/s $t%u.db')
  assert.match(text, '\nEnvironment="NSCTL_HOME=/a $b%%c\\\\d\\"e"\n')
  assert.match(text, ' --store "sqlite:/s $$t%%u.db"\n')
})

const here = process.cwd()
for (const c of [
  { name: 'its home', env: { NSCTL_HOME: '/h' }, serves: 'sqlite:/h/store.db' },
  { name: 'a relative home', env: { NSCTL_HOME: 'h' }, serves: `sqlite:${here}/h/store.db` },
  { name: 'a home of odd characters', env: { NSCTL_HOME: '/a $b%c"d' }, serves: 'sqlite:/a $b%c"d/store.db' },
  { name: 'no home at all', env: { HOME: '/root' }, serves: 'sqlite:/root/.local/state/nsctl/store.db' },
  { name: '--store', env: { NSCTL_HOME: '/h' }, store: 'sqlite:/s.db', serves: 'sqlite:/s.db' },
  { name: 'a relative --store', env: {}, store: './s.db', serves: `sqlite:${here}/s.db` },
  { name: 'a --store of odd characters', env: {}, store: 'sqlite:/s $t%u.db', serves: 'sqlite:/s $t%u.db' },
  { name: '$NSCTL_STORE', env: { NSCTL_STORE: '/e.db' }, serves: 'sqlite:/e.db' },
] as const) {
  test(`a unit made with ${c.name} serves the store that was meant`, () => {
    assert.is(storeOfUnit(unit(c.env, 'store' in c ? c.store : undefined)), c.serves)
  })
}

test('the unit of another, which names no store, is not guessed at', () => {
  assert.is(storeOfUnit('[Service]\nEnvironment=HOME=/root\nExecStart=/bin/nsctl up\n'), undefined)
})

test.run()
