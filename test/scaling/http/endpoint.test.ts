import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { triggerSchema } from '../../../src/resources/triggers/index.ts'
import { readTrigger } from '../../../src/resources/triggers/read.ts'
import { httpAgents } from '../../../src/scaling/http/agents.ts'
import { Endpoint, readUrl } from '../../../src/scaling/http/endpoint.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { type ScriptedServer, startScripted } from '../../lab/scripted-http.ts'
import { serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { sourceContext, triggerConfig, type WatchedContext } from '../sources/double.ts'

const test = suite('authentication over HTTP')
let server: ScriptedServer
let context: WatchedContext
let clock: ManualClock
const endpoints: Endpoint[] = []

test.before.each(async () => {
  server = await startScripted(() => ({ body: 'fine' }))
  clock = new ManualClock()
  context = sourceContext({ clock })
})
test.after.each(async () => {
  for (const endpoint of endpoints.splice(0)) endpoint.close()
  context.http.close()
  await server.stop()
})

function endpoint(authentication: Record<string, string>, metadata: Record<string, string> = {}): Endpoint {
  const spec = {
    type: 'metrics-api',
    metadata: { url: server.url, valueLocation: 'a', targetValue: '1', ...metadata },
    authentication,
  }
  const schema = triggerSchema('metrics-api')
  if (schema === undefined) throw new Error('there is no metrics-api')
  const { parameters } = readTrigger(schema, spec)
  const made = new Endpoint({ trigger: { ...triggerConfig(spec), parameters }, context })
  endpoints.push(made)
  return made
}

async function ask(of: Endpoint, url = server.url) {
  await of.ask(of.prepare({ url: new URL(`${url}/stats?a=b`) }), AbortSignal.timeout(5_000))
  return server.requests.at(-1)
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

for (const [name, authentication, headers, query] of [
  ['none', { bearerToken: 't', username: 'u', apiKey: 'k' }, { authorization: undefined }, '?a=b'],
  ['bearer', { authModes: 'bearer', bearerToken: 't' }, { authorization: 'Bearer t' }, '?a=b'],
  ['bearer, by its alias', { authMode: 'bearer', token: 't' }, { authorization: 'Bearer t' }, '?a=b'],
  [
    'basic',
    { authModes: 'basic', username: 'u', password: 'p:w' },
    { authorization: basic('u:p:w') },
    '?a=b',
  ],
  ['basic without a password', { authModes: 'basic', username: 'u' }, { authorization: basic('u:') }, '?a=b'],
  ['apiKey', { authModes: 'apiKey', apiKey: 'k' }, { 'x-api-key': 'k' }, '?a=b'],
  ['apiKey by name', { authModes: 'apiKey', apiKey: 'k', keyParamName: 'X-Mine' }, { 'x-mine': 'k' }, '?a=b'],
  ['apiKey in the query', { authModes: 'apiKey', apiKey: 'k&', method: 'query' }, {}, '?a=b&api_key=k%26'],
  [
    'apiKey in the query by name',
    { authModes: 'apiKey', apiKey: 'k', method: 'query', keyParamName: 'key' },
    {},
    '?a=b&key=k',
  ],
  [
    'custom and basic',
    {
      authModes: 'custom, basic',
      customAuthHeader: 'X-T',
      customAuthValue: 'v',
      username: 'u',
      password: 'p',
    },
    { 'x-t': 'v', authorization: basic('u:p') },
    '?a=b',
  ],
] as [string, Record<string, string>, Record<string, string | undefined>, string][])
  test(name, async () => {
    const request = await ask(endpoint(authentication))
    for (const [header, value] of Object.entries(headers)) assert.is(request?.headers[header], value)
    assert.is(request?.url.search, query)
  })

for (const [mode, authentication, missing] of [
  ['bearer', {}, 'bearerToken'],
  ['basic', { password: 'p' }, 'username'],
  ['apiKey', {}, 'apiKey'],
  ['custom', { customAuthHeader: 'X' }, 'customAuthValue'],
  ['tls', { cert: 'c' }, 'key'],
  ['oauth', { oauthTokenURI: 'http://x' }, 'clientID'],
] as [string, Record<string, string>, string][])
  test(`${mode} without ${missing} is refused`, () => {
    assert.throws(
      () => endpoint({ authModes: mode, ...authentication }),
      (error: unknown) => isNsctlError(error, 'Invalid') && error.value === missing,
    )
  })

test('oauth: a token is fetched once, again before it ends, and again when it was refused', async () => {
  let issued = 0
  let taken = true
  server.script = ({ url, headers }) => {
    if (url.pathname === '/token')
      return { body: JSON.stringify({ access_token: `token-${++issued}`, expires_in: 60 }) }
    return taken && headers.authorization === `Bearer token-${issued}` ? { body: 'fine' } : { status: 401 }
  }
  const of = endpoint({
    authModes: 'oauth',
    oauthTokenURI: `${server.url}/token`,
    clientID: 'cl ient',
    clientSecret: 'client-secret',
    scopes: 'read, write',
    endpointParams: 'audience=scaling',
  })
  await ask(of)
  const [asked] = server.requests
  assert.is(asked?.method, 'POST')
  assert.is(asked?.headers.authorization, basic('cl%20ient:client-secret'))
  assert.is(asked?.body, 'audience=scaling&grant_type=client_credentials&scope=read+write')
  await ask(of)
  clock.advance(49_000)
  await ask(of)
  assert.is(issued, 1)
  clock.advance(2_000)
  await ask(of)
  assert.is(issued, 2)
  taken = false
  const error = await ask(of).catch((thrown) => thrown)
  assert.ok(isNsctlError(error, 'Denied'), String(error))
  taken = true
  await ask(of)
  assert.is(issued, 3)
})

for (const [name, answer, code] of [
  ['refuses', { status: 401, body: 'client-secret is wrong' }, 'Denied'],
  ['is out of order', { status: 503 }, 'Unreachable'],
  ['gives none', { body: '{}' }, 'Denied'],
  ['answers nonsense', { body: 'x' }, 'Denied'],
] as const)
  test(`oauth: an issuer that ${name} is told, and no secret`, async () => {
    server.script = () => answer
    const authentication = {
      authModes: 'oauth',
      oauthTokenURI: `${server.url}/token`,
      clientID: 'c',
      clientSecret: 'client-secret',
    }
    const error = await ask(endpoint(authentication)).catch((thrown) => thrown)
    assert.ok(isNsctlError(error, code), String(error))
    assert.match(error.message, 'issuer')
    assert.not.match(JSON.stringify([error, error.message]), 'client-secret')
  })

needs(
  test,
  canMakeCertificates(),
  'openssl',
)('tls: the client shows its certificate', async () => {
  const directory = serverDirectory('endpoint')
  const authority = makeAuthority(directory.path)
  const foreign = makeAuthority(directory.path, 'foreign')
  const read = (file: string) => readFileSync(file, 'utf8')
  const secure = await startScripted(() => ({ body: 'fine' }), {
    tls: { ...authority.sign('server'), clientCa: authority.ca },
  })
  try {
    const pair = (signed: { cert: string; key: string }) => ({
      cert: read(signed.cert),
      key: read(signed.key),
    })
    const ca = read(authority.ca)
    await ask(endpoint({ authModes: 'tls', ca, ...pair(authority.sign('client')) }), secure.url)
    assert.is(secure.requests.length, 1)
    for (const authentication of [{ ca }, { authModes: 'tls', ca, ...pair(foreign.sign('client')) }]) {
      const error = await ask(endpoint(authentication as Record<string, string>), secure.url).catch(
        (thrown) => thrown,
      )
      assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    }
    const garbled = await Promise.resolve()
      .then(() => ask(endpoint({ authModes: 'tls', cert: 'no-cert', key: 'no-key' }), secure.url))
      .catch((thrown) => thrown)
    assert.ok(isNsctlError(garbled), String(garbled))
    assert.not.match(JSON.stringify([garbled, garbled.message]), 'no-key')
  } finally {
    await secure.stop()
    directory.remove()
  }
})

test('sources that ask alike share connections, whoever they are', async () => {
  for (let i = 0; i < 20; i++) await ask(endpoint({ authModes: 'bearer', bearerToken: String(i) }))
  assert.is(server.accepted, 1)
  const agents = httpAgents()
  assert.is(agents.secure({ ca: 'x' }), agents.secure({ ca: 'x' }))
  assert.is.not(agents.secure({ ca: 'x' }), agents.secure({ ca: 'x', unsafeSsl: true }))
  agents.close()
})

for (const text of ['', 'host:9090', 'ftp://host', '/path', 'http://', 'http://user:pw@'])
  test(`${JSON.stringify(text)} is no address, and is not repeated`, () => {
    assert.throws(
      () => readUrl(text, 'url'),
      (error: unknown) =>
        isNsctlError(error, 'Invalid') && error.value === 'url' && !error.message.includes('pw'),
    )
  })

test.run()
