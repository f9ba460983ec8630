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

const etcd = (endpoints: readonly string[], prefix = 'nsctl', secure = false) =>
  ({ engine: 'etcd', endpoints, prefix, secure }) as const

for (const [text, want] of [
  ['etcd://db', etcd(['db:2379'])],
  ['etcd://db/', etcd(['db:2379'])],
  ['ETCD://db:1234/a/b/', etcd(['db:1234'], 'a/b')],
  ['etcds://h1:2379,h2,[::1]:99/shop', etcd(['h1:2379', 'h2:2379', '[::1]:99'], 'shop', true)],
] as const) {
  test(`parseStoreUrl understands ${text}`, () => {
    assert.equal(parseStoreUrl(text, '/home/me'), want)
  })
}

for (const [text, message] of [
  ['etcd:', 'the store "etcd:" names no host'],
  ['etcd:///nsctl', 'the store "etcd:///nsctl" names no host'],
  ['etcd://h1,,h2/x', 'the store "etcd://h1,,h2/x" names no host'],
  ['etcd://h 1/x', 'the store "etcd://h 1/x" names no host and port in "h 1"'],
  ['etcd://h:99999', 'the store "etcd://h:99999" has no such port as 99999'],
  ['etcd://h/x?tls=1', 'the store "etcd://h/x?tls=1" has a query, which etcd has none of'],
  [
    'etcd://me:secret@h/x',
    'the store "etcd://…@h/x" names a user: that belongs into ETCDCTL_USER and ETCDCTL_PASSWORD',
  ],
] as const) {
  test(`parseStoreUrl refuses ${text}`, () => {
    try {
      parseStoreUrl(text, '/home/me')
      assert.unreachable('taken')
    } catch (error) {
      assert.ok(isNsctlError(error, 'Invalid'), String(error))
      assert.is(error.message, message)
      assert.match(error.next!, 'etcd://')
      assert.not.match(JSON.stringify(error), 'secret')
    }
  })
}

test.run()
