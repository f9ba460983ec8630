/** What servers over HTTP can do to a source, for each source that asks one. */
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { SOURCES } from '../../../src/main/sources.ts'
import { triggerSchema } from '../../../src/resources/triggers/index.ts'
import { readTrigger } from '../../../src/resources/triggers/read.ts'
import type { Source } from '../../../src/scaling/source.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { type ScriptedAnswer, type ScriptedServer, startScripted } from '../../lab/scripted-http.ts'
import { serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { sourceContext, triggerConfig, type WatchedContext } from './double.ts'

interface Subject {
  readonly type: string
  metadata(url: string): Record<string, string>
  readonly authentication: Record<string, string>
  /** The answer that says `value`. */
  says(value: string): ScriptedAnswer
  readonly takesCa: boolean
  /** Asks with a body, which is sent on with 307 only, and to no other origin at all. */
  readonly posts?: true
}

const SECRET = 'a-secret-of-this-test'
const json = (body: string): ScriptedAnswer => ({ headers: { 'content-type': 'application/json' }, body })
const number = (value: string) => (/^[0-9.]+$/.test(value) ? value : JSON.stringify(value))

const SUBJECTS: readonly Subject[] = [
  {
    type: 'prometheus',
    metadata: (url) => ({ serverAddress: url, query: 'up', threshold: '5', activationThreshold: '3' }),
    authentication: { authModes: 'bearer', bearerToken: SECRET },
    says: (value) =>
      json(
        `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"${value}"]}]}}`,
      ),
    takesCa: true,
  },
  {
    type: 'metrics-api',
    metadata: (url) => ({
      url: `${url}/stats`,
      valueLocation: 'queue.size',
      targetValue: '5',
      activationTargetValue: '3',
    }),
    authentication: { authModes: 'apiKey', apiKey: SECRET, method: 'query' },
    says: (value) => json(`{"queue":{"size":${number(value)}}}`),
    takesCa: true,
  },
  {
    type: 'metrics-api',
    metadata: (url) => ({
      url: `${url}/metrics`,
      format: 'prometheus',
      valueLocation: 'queue_size{queue="orders"}',
      targetValue: '5',
      activationTargetValue: '3',
    }),
    authentication: { authModes: 'custom', customAuthHeader: 'X-Key', customAuthValue: SECRET },
    says: (value) => ({ body: `# TYPE queue_size gauge\nqueue_size{queue="orders"} ${value}\n` }),
    takesCa: true,
  },
  {
    type: 'influxdb',
    metadata: (url) => ({
      serverURL: url,
      organizationName: 'org',
      query: 'from(bucket: "jobs")',
      thresholdValue: '5',
      activationThresholdValue: '3',
    }),
    authentication: { authToken: SECRET },
    says: (value) => ({ body: `,result,_value\n,,${value}\n` }),
    takesCa: false,
    posts: true,
  },
]

function open(
  { type, metadata, authentication }: Subject,
  url: string,
  context: WatchedContext,
  more: { metadata?: Record<string, string>; authentication?: Record<string, string> } = {},
): Promise<Source> {
  const spec = {
    type,
    metadata: { ...metadata(url), ...more.metadata },
    authentication: { ...authentication, ...more.authentication },
  }
  const schema = triggerSchema(type)
  const loading = SOURCES[type]
  if (schema === undefined || loading === undefined) throw new Error(`there is no ${type}`)
  const { parameters, issues } = readTrigger(schema, spec)
  assert.equal(issues, [])
  return loading().then((source) => source.open({ ...triggerConfig(spec), parameters }, context))
}

for (const subject of SUBJECTS) {
  const test = suite(`${subject.type} ${subject.metadata('').format ?? ''}`)
  let server: ScriptedServer
  let context: WatchedContext
  let source: Source
  test.before.each(async () => {
    server = await startScripted(() => subject.says('7'))
    context = sourceContext()
    source = await open(subject, server.url, context)
  })
  test.after.each(async () => {
    await source.close()
    context.http.close()
    await server.stop()
  })
  const measure = (of = source, limitMs = 5_000) => of.measure(AbortSignal.timeout(limitMs))
  const fails = async (codes: readonly string[], of = source, limitMs?: number) => {
    const error = await measure(of, limitMs).then(
      (reading) => assert.unreachable(JSON.stringify(reading)),
      (thrown) => thrown,
    )
    assert.ok(isNsctlError(error), String(error))
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`)
    assert.not.match(JSON.stringify([error.message, error, context.lines]), SECRET)
    assert.not.match(error.message, 'undefined')
    return error
  }

  for (const [text, value, active] of [
    ['7', 7, true],
    ['0', 0, false],
    ['3', 3, false],
    ['3.5', 3.5, true],
  ] as const)
    test(`says ${text}`, async () => {
      server.script = () => subject.says(text)
      const reading = await measure()
      assert.equal(reading, { kind: 'values', metrics: [{ name: '', value }], active })
    })

  for (const text of ['NaN', '+Inf', '-Inf', 'Infinity', 'many', ''])
    test(`makes no number of "${text}"`, async () => {
      server.script = () => subject.says(text)
      await fails(['Invalid'])
    })

  const refusals: readonly (readonly [string, ScriptedAnswer, readonly string[]])[] = [
    ['garbage', { body: '\u0000\u0001}{' }, ['Invalid']],
    ['nothing', { body: '' }, ['Invalid']],
    ['null', json('null'), ['Invalid']],
    ['a page', { headers: { 'content-type': 'text/html' }, body: '<html>' }, ['Invalid']],
    ['10 MB', { body: 'x'.repeat(10 << 20) }, ['Invalid']],
    [
      '10 MB of its own format',
      { body: `{"status":"success","data":{"x":"${'x'.repeat(10 << 20)}"}}` },
      ['Invalid'],
    ],
    ['401', { status: 401, body: SECRET }, ['Denied']],
    ['403', { status: 403, headers: { 'content-type': 'text/plain' }, body: `bad ${SECRET}` }, ['Denied']],
    ['404', { status: 404 }, ['Invalid']],
    ['429', { status: 429 }, ['Unreachable']],
    [
      '500',
      { status: 500, headers: { 'content-type': 'text/plain' }, body: 'out of order' },
      ['Unreachable'],
    ],
    ['a redirect without an address', { status: 302 }, ['Invalid']],
    ['a redirect to a file', { status: 302, headers: { location: 'file:///etc/passwd' } }, ['Invalid']],
  ]
  for (const [name, answer, codes] of refusals)
    test(`fails at ${name}, and recovers`, async () => {
      server.script = () => answer
      const error = await fails(codes)
      if (name === '500') assert.match(error.message, 'out of order')
      assert.match(error.message, `127.0.0.1:${server.port}`)
      server.script = () => subject.says('7')
      assert.ok(await measure())
    })

  test('gives up a server that hangs, when it is told to', async () => {
    server.script = () => 'hang'
    const begun = performance.now()
    await fails(['Unreachable'], source, 100)
    assert.ok(performance.now() - begun < 350)
    server.script = () => subject.says('7')
    assert.ok(await measure())
  })

  test('follows redirects, and gives up after five', async () => {
    let hops = 5
    server.script = ({ url }) =>
      hops-- > 0 ? { status: 302, headers: { location: `${url.pathname}?hop=${hops}` } } : subject.says('7')
    assert.ok(await measure())
    server.script = () => ({ status: 307, headers: { location: '/' } })
    const error = await fails(['Invalid'])
    assert.match(error.message, 'redirects more than 5 times')
    assert.is(server.requests.length, 6 + 6)
  })

  test('sends its credentials to no other origin', async () => {
    const other = await startScripted(() => subject.says('9'))
    server.script = () => ({ status: 302, headers: { location: `${other.url}/elsewhere` } })
    const reading = await measure()
    assert.is(reading.kind === 'values' && reading.metrics[0]?.value, 9)
    assert.match(JSON.stringify(server.requests), SECRET)
    assert.not.match(JSON.stringify(other.requests), SECRET)
    await other.stop()
  })

  test('asks on one connection, and takes a new one where the old was closed', async () => {
    for (let i = 0; i < 5; i++) await measure()
    assert.is(server.accepted, 1)
    server.dropIdle()
    await measure()
    assert.is(server.accepted, 2)
  })

  test('is unreachable after the server went, and hears it when it is back', async () => {
    await measure()
    server.script = () => 'reset'
    await fails(['Unreachable'])
    await server.stop()
    const error = await fails(['Unreachable'])
    assert.match(error.message, 'ECONNREFUSED')
  })

  test('tells no password of its address', async () => {
    const url = server.url.replace('//', '//user:pass-in-url@')
    const own = await open(subject, url, context)
    server.script = () => ({
      status: 500,
      headers: { 'content-type': 'text/plain' },
      body: 'for pass-in-url',
    })
    const error = await fails(['Unreachable'], own)
    assert.not.match(JSON.stringify([error.message, error]), 'pass-in-url')
    await own.close()
  })

  needs(
    test,
    canMakeCertificates(),
    'openssl',
  )('trusts the authority it was given, and no other', async () => {
    const directory = serverDirectory('http-faults')
    const own = makeAuthority(directory.path)
    const foreign = makeAuthority(directory.path, 'foreign')
    const secure = await startScripted(() => subject.says('7'), { tls: own.sign('server') })
    const elsewhere = await startScripted(() => subject.says('7'), {
      tls: own.sign('other', { addresses: ['127.0.0.9'] }),
    })
    const opened: Source[] = []
    const openAt = async (url: string, metadata: Record<string, string>, ca?: string) => {
      const authentication: Record<string, string> = ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }
      const one = await open(subject, url, context, { metadata, authentication })
      opened.push(one)
      return one
    }
    try {
      if (subject.takesCa) {
        assert.ok(await measure(await openAt(secure.url, {}, own.ca)))
        await fails(['Unreachable'], await openAt(secure.url, {}, foreign.ca))
        const error = await fails(['Unreachable'], await openAt(elsewhere.url, {}, own.ca))
        assert.match(error.message, 'altnames')
      }
      const error = await fails(['Unreachable'], await openAt(secure.url, {}))
      assert.match(error.next ?? '', 'authority')
      assert.ok(await measure(await openAt(secure.url, { unsafeSsl: 'true' })))
    } finally {
      for (const one of opened) await one.close()
      await secure.stop()
      await elsewhere.stop()
      directory.remove()
    }
  })

  test.run()
}
