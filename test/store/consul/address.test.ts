import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { parseConsulUrl } from '../../../src/store/consul/address.ts'

const ENV = {
  CONSUL_HTTP_TOKEN: 'hush',
  CONSUL_CACERT: '/env/ca.pem',
  CONSUL_CLIENT_CERT: '/env/cert.pem',
  CONSUL_CLIENT_KEY: '/env/key.pem',
}

for (const [text, want] of [
  ['consul://10.0.0.1', { endpoints: [{ host: '10.0.0.1', port: 8500 }], secure: false, prefix: 'nsctl/' }],
  ['consul://10.0.0.1:8600/', { endpoints: [{ host: '10.0.0.1', port: 8600 }], prefix: 'nsctl/' }],
  ['consuls://consul.lab', { endpoints: [{ host: 'consul.lab', port: 8501 }], secure: true }],
  [
    'consul://[::1]:9/team/nsctl/',
    { endpoints: [{ host: '::1', port: 9 }], prefix: 'team/nsctl/', url: 'consul://[::1]:9/team/nsctl' },
  ],
  [
    'consuls://a:1,[::1],c.lab:2/team?dc=lab',
    {
      endpoints: [
        { host: 'a', port: 1 },
        { host: '::1', port: 8501 },
        { host: 'c.lab', port: 2 },
      ],
      prefix: 'team/',
      datacenter: 'lab',
      url: 'consuls://a:1,[::1]:8501,c.lab:2/team?dc=lab',
    },
  ],
  ['consul://h/p?dc=lab%201', { datacenter: 'lab 1', url: 'consul://h:8500/p?dc=lab%201' }],
  ['consul://h/p', { token: 'hush', tokenFile: undefined, caFile: '/env/ca.pem', certFile: '/env/cert.pem' }],
  ['consul://h/p?token-file=/t', { token: undefined, tokenFile: '/t', url: 'consul://h:8500/p' }],
  [
    'consuls://h/p?ca=/a&cert=/b&key=/c',
    { caFile: '/a', certFile: '/b', keyFile: '/c', url: 'consuls://h:8501/p' },
  ],
] as const) {
  test(`parseConsulUrl understands ${text}`, () => {
    const address = parseConsulUrl(text, ENV)
    for (const [name, value] of Object.entries(want)) assert.equal(Reflect.get(address, name), value, name)
    assert.not.match(address.url, 'hush')
  })
}

for (const [text, message] of [
  ['consul:', 'names no host'],
  ['consul:///p', 'names no host'],
  ['consul://h:99999/p', 'is no URL'],
  ['consul://me:hunter2@h/p', 'carries a secret'],
  ['consul://h,me:hunter2@i/p', 'carries a secret'],
  ['consul://h,/p', 'names no host'],
  ['consul://,h/p', 'names no host'],
  ['consul://h,i:99999/p', 'is no URL'],
  ['consul://h/p?token=hunter2', 'carries a secret'],
  ['consul://h:x/p?token=hunter2', 'is no URL'],
  ['consul://h/p?datacenter=x', 'has an unknown parameter datacenter'],
  ['consul://h/a//b', 'has a prefix that cannot be used'],
  ['consul://h/a%20b', 'has a prefix that cannot be used'],
  ['consul://h/a%2f..%2fb', 'has a prefix that cannot be used'],
  ['consul://h/%ff', 'has a prefix that is wrongly encoded'],
  ['consul://h/p?cert=/c', 'has a client certificate without its key'],
] as const) {
  test(`parseConsulUrl refuses ${text}`, () => {
    try {
      parseConsulUrl(text)
      assert.unreachable('taken')
    } catch (error) {
      assert.ok(isNsctlError(error, 'Invalid'), String(error))
      assert.match(error.message, message)
      assert.ok(error.next)
      assert.not.match(JSON.stringify(error), 'hunter2')
    }
  })
}

test.run()
