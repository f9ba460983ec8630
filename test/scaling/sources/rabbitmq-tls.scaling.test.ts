/** Whom RabbitMQ's sources trust, and who they are by a certificate. That there is no such queue is said once we are in. */
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { rabbitmq } from '../../../src/scaling/sources/rabbitmq.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { RABBIT_ADMIN, type RabbitServer, startRabbit } from '../../lab/rabbitmq.ts'
import { canFetchDebs, serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { sourceContext, triggerConfig } from './double.ts'

const IN = /^Invalid: .*(no queue none|Not Found)/

needs(
  test,
  canFetchDebs() && canMakeCertificates(),
  'Debian packages and openssl',
)('rabbitmq: speaks TLS over both protocols, and only with whom it may trust', async () => {
  const directory = serverDirectory('rabbitmq-tls')
  const [ours, theirs] = [makeAuthority(directory.path), makeAuthority(directory.path, 'stranger')]
  const [right, elsewhere, client] = [
    ours.sign('server'),
    ours.sign('elsewhere', { addresses: ['127.0.0.9'] }),
    ours.sign(RABBIT_ADMIN.username),
  ]
  const servers = await Promise.all(
    [right, elsewhere].map((own) => startRabbit({ tls: { ca: ours.ca, ...own } })),
  )
  const pem = (path: string) => readFileSync(path, 'utf8')
  const [rabbit, misnamed] = servers as [RabbitServer, RabbitServer]
  try {
    const tls = { tls: 'enable', ca: pem(ours.ca) }
    for (const [scheme, port] of [
      ['amqps', 'amqpPort'],
      ['amqp', 'amqpPort'],
      ['https', 'httpPort'],
    ] as const) {
      const hostOf = (server: RabbitServer) => `${scheme}://127.0.0.1:${server[port]}/`
      const says = (server: RabbitServer, more: Readonly<Record<string, string>>, metadata = {}) =>
        looked(hostOf(server), { ...RABBIT_ADMIN, ...more }, metadata)
      assert.match(await says(rabbit, tls), IN, scheme)
      assert.match(await says(rabbit, { tls: 'enable' }, { unsafeSsl: 'true' }), IN, scheme)
      assert.match(await says(rabbit, { tls: 'enable' }), /^Unreachable: .*certificate/, scheme)
      assert.match(await says(rabbit, { ...tls, ca: pem(theirs.ca) }), /^Unreachable: .*certificate/, scheme)
      assert.match(await says(misnamed, tls), /^Unreachable: .*altnames/, scheme)
      assert.match(await says(rabbit, { ...tls, password: 'planted-wrong' }), /^Denied/, scheme)
      assert.match(await says(rabbit, { ...tls, key: 'planted' }), /^Invalid: key is no private key/, scheme)
    }
    const own = { ...tls, cert: pem(client.cert), key: pem(client.key) }
    assert.match(await looked(`amqps://127.0.0.1:${rabbit.amqpPort}/`, own, {}), IN, 'by its certificate')
    const stranger = theirs.sign(RABBIT_ADMIN.username)
    const wrong = { ...tls, cert: pem(stranger.cert), key: pem(stranger.key) }
    assert.match(await looked(`amqps://127.0.0.1:${rabbit.amqpPort}/`, wrong, {}), /^(Unreachable|Denied)/)
    assert.match(await looked(`amqp://127.0.0.1:${rabbit.amqpPort}/`, {}, {}), /^Unreachable/)
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    directory.remove()
  }
})

test.run()

/** What one look at a queue that is not there comes to. */
async function looked(
  host: string,
  authentication: Readonly<Record<string, string>>,
  metadata: Readonly<Record<string, string>>,
): Promise<string> {
  let close = async () => {}
  try {
    const trigger = { type: 'rabbitmq', metadata: { host, queueName: 'none', ...metadata }, authentication }
    const source = rabbitmq.open(triggerConfig(trigger), sourceContext())
    close = () => source.close()
    await source.measure(AbortSignal.timeout(5_000))
    return 'a number'
  } catch (error) {
    const all = inspect(error, { depth: 20, showHidden: true })
    assert.ok(isNsctlError(error), all)
    for (const secret of ['planted', 'PRIVATE KEY']) assert.not.match(all, secret)
    return `${error.code}: ${error.message}`
  } finally {
    await close()
  }
}
