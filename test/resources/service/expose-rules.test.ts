/** Where a Service may be exposed, and what that comes to. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { serviceConstraints } from '../../../src/resources/service/constraints.ts'
import { exposureOf, exposureUrl, type ManifestExpose } from '../../../src/resources/service/exposure.ts'

const PORTS = [
  { name: 'dns', protocol: 'UDP' as const },
  { name: 'http' },
  { name: 'tls', scheme: 'https' as const },
]

const faults = (expose: ManifestExpose, ports: readonly object[] = PORTS) =>
  serviceConstraints({ spec: { template: { source: { command: ['x'] }, ports }, expose } }).map(
    ({ path, message }) => `${path.slice(1).join('.')} ${message}`,
  )

for (const { expose, fault } of [
  { expose: { domain: 'web.example.org' }, fault: undefined },
  {
    expose: { domains: ['a.example.org', '*.b.example.org'], path: '/api', tls: 'off' as const },
    fault: undefined,
  },
  { expose: { listen: '8080' }, fault: undefined },
  { expose: { listen: '[::1]:8443', domain: 'web.test', tls: 'internal' as const }, fault: undefined },
  { expose: {}, fault: 'expose needs a domain, or where to listen' },
  {
    expose: { listen: '8443', tls: 'internal' as const },
    fault: 'expose.tls internal needs a domain: a certificate is for a name',
  },
  {
    expose: { listen: '8443', domain: 'web.example.org', tls: 'automatic' as const },
    fault: 'expose.tls automatic gets certificates at port 443 only; internal and off go with listen',
  },
  { expose: { listen: '70000' }, fault: 'expose.listen must be a port from 1 to 65535, not "70000"' },
  { expose: { listen: '8080', port: 'web' }, fault: 'expose.port no port is named "web"' },
  { expose: { listen: '8080', port: 'dns' }, fault: 'expose.port "dns" is UDP, and HTTP is spoken over TCP' },
  {
    expose: { listen: '8080', port: 'tls' },
    fault: 'expose.port "tls" is https, and the load balancer speaks plain HTTP to instances',
  },
  {
    expose: { listen: '8080', drainTimeout: '48h' },
    fault: 'expose.drainTimeout must be at most 24h, not "48h"',
  },
])
  test(`expose ${JSON.stringify(expose)} ${fault === undefined ? 'is fine' : 'is refused'}`, () =>
    assert.equal(faults(expose), fault === undefined ? [] : [fault]))

test('a Service without a TCP port cannot be exposed', () =>
  assert.equal(faults({ listen: '8080' }, []), [
    'expose needs a TCP port in spec.template.ports that is led to',
  ]))

for (const { expose, url, listen, tls } of [
  { expose: { domain: 'web.example.org' }, url: 'https://web.example.org', listen: ':443', tls: 'automatic' },
  {
    expose: { domain: 'web.test', path: '/api', tls: 'off' as const },
    url: 'http://web.test/api',
    listen: ':80',
    tls: 'off',
  },
  { expose: { listen: '8080' }, url: 'http://[fd00::5]:8080', listen: ':8080', tls: 'off' },
  {
    expose: { listen: '127.0.0.1:8080' },
    url: 'http://127.0.0.1:8080',
    listen: '127.0.0.1:8080',
    tls: 'off',
  },
  {
    expose: { listen: ':8443', domain: 'web.test', tls: 'internal' as const },
    url: 'https://web.test:8443',
    listen: ':8443',
    tls: 'internal',
  },
])
  test(`expose ${JSON.stringify(expose)} is reached at ${url}`, () => {
    const exposure = exposureOf(expose, PORTS)
    assert.is(exposureUrl(exposure, 'fd00::5'), url)
    assert.equal([exposure.listen, exposure.tls, exposure.port], [listen, tls, 'http'])
  })

test.run()
