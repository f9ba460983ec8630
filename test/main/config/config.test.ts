import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NsctlError } from '../../../src/core/errors.ts'
import {
  type Config,
  checkContextName,
  hasSecret,
  noContext,
  redactedConfig,
  redactedUrl,
  withContext,
  withContextRenamed,
  withoutContext,
} from '../../../src/main/config/config.ts'

const two: Config = {
  currentContext: 'prod',
  contexts: [
    { name: 'prod', context: { store: 'consul://h:8500/x', namespace: 'shop' } },
    { name: 'dev', context: { store: 'sqlite:/d.db' } },
  ],
}

test('setting fields keeps the others, and an empty value takes one away', () => {
  const { contexts } = withContext(two, 'prod', { tokenFile: '/t', namespace: '' })
  assert.equal(contexts[0], { name: 'prod', context: { store: 'consul://h:8500/x', tokenFile: '/t' } })
  assert.is(contexts[1], two.contexts[1])
})

test('a new context is the last one, and not the current one', () => {
  const { currentContext, contexts } = withContext(two, 'lab', { store: 'memory:' })
  assert.is(currentContext, 'prod')
  assert.equal(contexts.at(-1), { name: 'lab', context: { store: 'memory:' } })
})

test('without the current context none is current; without another it still is', () => {
  assert.equal(withoutContext(two, 'prod'), { contexts: [two.contexts[1]!] })
  assert.is(withoutContext(two, 'dev').currentContext, 'prod')
})

test('the current context stays it under its new name', () => {
  const { currentContext, contexts } = withContextRenamed(two, 'prod', 'eu')
  assert.equal([currentContext, ...contexts.map((one) => one.name)], ['eu', 'eu', 'dev'])
  assert.is(withContextRenamed(two, 'dev', 'x').currentContext, 'prod')
})

for (const c of [
  { name: 'a slip', asked: 'porx', next: /^there are prod, dev$/ },
  { name: 'a nearer slip', asked: 'de', next: /^did you mean dev\? there are dev, prod$/ },
])
  test(`an unknown name: ${c.name}`, () => assert.match(noContext(two, c.asked, 'f').next ?? '', c.next))

test('an unknown name where there is none at all', () =>
  assert.match(noContext({ contexts: [] }, 'a', 'f').next ?? '', 'nsctl config set-context a --store URL'))

for (const [url, shown] of [
  ['consul://10.0.0.5:8500/nsctl?dc=eu', 'consul://10.0.0.5:8500/nsctl?dc=eu'],
  ['consul://ada:tulip@host:8500/x', 'consul://ada:REDACTED@host:8500/x'],
  ['consul://tulip@host', 'consul://REDACTED@host'],
  ['consul://ada:tu@li/p@host', 'consul://ada:REDACTED@host'],
  ['consul://host/x?token=tulip&dc=eu', 'consul://host/x?token=REDACTED&dc=eu'],
  ['consul://host/x?token-file=/t', 'consul://host/x?token-file=/t'],
  ['etcds://h1:2379,h2:2379/nsctl', 'etcds://h1:2379,h2:2379/nsctl'],
  ['sqlite:///home/ada:x@lab/store.db', 'sqlite:///home/ada:x@lab/store.db'],
  ['/home/ada@lab/store.db', '/home/ada@lab/store.db'],
] as const)
  test(`${url} is shown as ${shown}`, () => {
    assert.is(redactedUrl(url), shown)
    assert.is(hasSecret({ contexts: [{ name: 'a', context: { store: url } }] }), shown !== url)
  })

test('tokens and passwords are shown as REDACTED, files by their names', () => {
  const context = { store: 'memory:', token: 't', password: 'p', tokenFile: '/t', username: 'ada' }
  const config = { contexts: [{ name: 'a', context }] }
  assert.equal(redactedConfig(config).contexts[0]?.context, {
    ...context,
    token: 'REDACTED',
    password: 'REDACTED',
  })
  assert.ok(hasSecret(config))
})

for (const [name, isOne] of [
  ['prod', true],
  ['ada@lab.example.org/eu', true],
  ['größe', true],
  ['', false],
  ['two words', false],
  ['-n', false],
  ['a\u0007', false],
  ['x'.repeat(254), false],
] as const)
  test(`${JSON.stringify(name.slice(0, 30))} is ${isOne ? 'a' : 'no'} name`, () => {
    const check = () => checkContextName(name)
    if (isOne) assert.not.throws(check)
    else assert.throws(check, (error: NsctlError) => error.code === 'Usage')
  })

test.run()
