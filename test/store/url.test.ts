import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { parseStoreUrl } from '../../src/store/url.ts'

for (const [text, want] of [
  ['memory:', { engine: 'memory' }],
  ['consul://h:8500/p?dc=x', { engine: 'consul', url: 'consul://h:8500/p?dc=x' }],
  ['CONSULS://h', { engine: 'consul', url: 'CONSULS://h' }],
  ['MEMORY:', { engine: 'memory' }],
  ['sqlite:/var/lib/nsctl/store.db', { engine: 'sqlite', path: '/var/lib/nsctl/store.db' }],
  ['sqlite:///var/lib/a%20b/store.db', { engine: 'sqlite', path: '/var/lib/a b/store.db' }],
  ['sqlite:/var/lib/a%20b', { engine: 'sqlite', path: '/var/lib/a%20b' }],
  ['sqlite:state/store.db', { engine: 'sqlite', path: '/home/me/state/store.db' }],
  ['sqlite:store.db', { engine: 'sqlite', path: '/home/me/store.db' }],
  ['file:/x/store.db', { engine: 'sqlite', path: '/x/store.db' }],
  ['/x/../y/store.db', { engine: 'sqlite', path: '/y/store.db' }],
  ['./store.db', { engine: 'sqlite', path: '/home/me/store.db' }],
] as const) {
  test(`parseStoreUrl understands ${text}`, () => {
    assert.equal(parseStoreUrl(text, '/home/me'), want)
  })
}

for (const [text, code, message] of [
  ['', 'Invalid', 'the store "" names no engine'],
  ['store', 'Invalid', 'the store "store" names no engine'],
  ['sqlite:', 'Invalid', 'the store "sqlite:" names no file'],
  ['sqlite:/var/lib/', 'Invalid', 'the store "sqlite:/var/lib/" names no file'],
  [
    'sqlite://host/x',
    'Invalid',
    'the store "sqlite://host/x" names a host, but the file must be on this machine',
  ],
  ['sqlite:///%zz', 'Invalid', 'the store "sqlite:///%zz" is no file URL'],
  ['sqlite:/a\0b', 'Invalid', 'the store "sqlite:/a\\u0000b" has a NUL in its path'],
  ['redis:x', 'Invalid', 'the store "redis:x" has an unknown engine redis'],
  [
    'https://me:secret@10.0.0.1:8500',
    'Unsupported',
    'the store "https://…@10.0.0.1:8500" is not built in yet',
  ],
  ['etcd:', 'Unsupported', 'the store "etcd:" is not built in yet'],
] as const) {
  test(`parseStoreUrl refuses ${JSON.stringify(text)}`, () => {
    try {
      parseStoreUrl(text, '/home/me')
      assert.unreachable('taken')
    } catch (error) {
      assert.ok(isNsctlError(error, code), String(error))
      assert.is(error.message, message)
      assert.match(error.next!, 'sqlite:')
      assert.not.match(JSON.stringify(error), 'secret')
    }
  })
}

test.run()
