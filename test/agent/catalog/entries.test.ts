import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { entriesOf } from '../../../src/agent/catalog/entries.ts'
import { entryIds, isAnnounced } from '../../../src/traffic/entries.ts'
import { instance, times } from './instances.ts'

const PORTS = [
  { name: 'http', protocol: 'TCP' },
  { name: 'metrics', protocol: 'TCP' },
]
const GIVEN = {
  ports: [
    { name: 'http', port: 20_011 },
    { name: 'metrics', port: 20_012 },
  ],
}

test('the first port is the service, every other one a service of its own', () => {
  const web = instance({ ports: PORTS }, GIVEN, { labels: { 'app.kubernetes.io/part-of': 'shop' } })
  const meta = {
    'label_app_kubernetes_io_part-of': 'shop',
    'nsctl-namespace': 'default',
    'nsctl-service': 'web',
    'nsctl-instance': 'web-0-k2p9x',
  }
  const pace = { periodMs: 2_000, timeoutMs: 1_000, failureThreshold: 3 }
  assert.equal(entriesOf(web, '127.0.0.1'), [
    {
      id: 'nsctl.default.web-0-k2p9x',
      service: 'web',
      address: '127.0.0.1',
      port: 20_011,
      tags: ['http', 'default', 'r7', 'h3kq9x2mzc'],
      meta,
      checks: [{ kind: 'tcp', host: '127.0.0.1', port: 20_011, ...pace }],
    },
    {
      id: 'nsctl.default.web-0-k2p9x.metrics',
      service: 'web--default--metrics',
      address: '127.0.0.1',
      port: 20_012,
      tags: ['metrics', 'default', 'r7', 'h3kq9x2mzc'],
      meta,
      checks: [{ kind: 'tcp', host: '127.0.0.1', port: 20_012, ...pace }],
    },
  ])
  assert.equal(entryIds(web), ['nsctl.default.web-0-k2p9x', 'nsctl.default.web-0-k2p9x.metrics'])
})

const http = { readiness: { http: { path: '/healthz', port: 'http' }, ...times, period: '5s' } }
const pace = { periodMs: 5_000, timeoutMs: 1_000, failureThreshold: 3 }
const url = (host: string) => ({ kind: 'http', url: `http://${host}:20011/healthz`, ...pace })
for (const { name, of, address = '127.0.0.1', want } of [
  {
    name: 'an HTTP readiness probe',
    of: instance({ ports: PORTS, ...http }, GIVEN),
    want: [url('127.0.0.1')],
  },
  {
    name: 'an HTTP readiness probe over IPv6',
    of: instance({ ports: PORTS, ...http }, GIVEN),
    address: '::1',
    want: [url('[::1]')],
  },
  {
    name: 'a TCP readiness probe of another port',
    of: instance({ ports: PORTS, readiness: { tcp: { port: 'metrics' }, ...times } }, GIVEN),
    want: [{ kind: 'tcp', host: '127.0.0.1', port: 20_012, ...pace, periodMs: 2_000 }],
  },
  {
    name: 'a command, which the catalog cannot run',
    of: instance({ ports: PORTS, readiness: { exec: { command: ['true'] }, ...times } }, GIVEN),
    want: [{ kind: 'tcp', host: '127.0.0.1', port: 20_011, ...pace, periodMs: 2_000 }],
  },
  {
    name: 'UDP, which answers nobody',
    of: instance({ ports: [{ name: 'dns', protocol: 'UDP' }] }, { ports: [{ name: 'dns', port: 20_053 }] }),
    want: [{ kind: 'ttl', ttlMs: 60_000 }],
  },
  { name: 'no port at all', of: instance({}), want: [{ kind: 'ttl', ttlMs: 60_000 }] },
  {
    name: 'each program of a group',
    of: instance(
      { ports: PORTS, source: undefined, programs: [{ name: 'a', ...http }, { name: 'b' }] },
      GIVEN,
    ),
    want: [url('127.0.0.1')],
  },
]) {
  test(`checks for ${name}`, () => assert.equal(entriesOf(of, address)[0]?.checks, want))
}

for (const [name, status, metadata, want] of [
  ['a ready one', { ready: true }, {}, true],
  ['an unready one', { ready: false }, {}, false],
  ['one that nobody has looked at', { ready: undefined }, {}, false],
  ['one that is to end', { ready: true }, { deletionTimestamp: '2026-01-01T00:00:00Z' }, false],
] as const) {
  test(`announces ${name}: ${want}`, () => assert.is(isAnnounced(instance({}, status, metadata)), want))
}

test.run()
