/** Consul behind TLS: whom we trust, who we are, and what is said where either does not hold. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import {
  type Authority,
  type Certificate,
  canMakeCertificates,
  makeAuthority,
} from '../../lab/certificates.ts'
import { type ConsulCluster, type ConsulOptions, startConsul } from '../../lab/consul.ts'
import { canFetchDebs, serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { commit, put } from '../contract-read.ts'
import { follow } from '../watching.ts'
import { freshUrl, openAt } from './scene.ts'

const LIMITS = { requestMs: 2_000, giveUpMs: 500 }

async function refusal(work: Promise<unknown>): Promise<NsctlError> {
  try {
    await work
  } catch (error) {
    assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    assert.is(error.exitCode, 3)
    return error
  }
  throw new Error('it was let through')
}

async function withConsul(
  tls: NonNullable<ConsulOptions['tls']> | undefined,
  run: (url: string) => Promise<void>,
): Promise<void> {
  const cluster: ConsulCluster = await startConsul(tls ? { tls } : {})
  try {
    await run(freshUrl(cluster.servers[0]!.address))
  } finally {
    await cluster.stop()
  }
}

const secure = (url: string) => url.replace('consul:', 'consuls:')

if (needs(test, canFetchDebs() && canMakeCertificates(), 'Debian packages and openssl') === test) {
  const directory = serverDirectory('tls')
  let authority: Authority
  let server: Certificate

  test.before(() => {
    authority = makeAuthority(directory.path)
    server = authority.sign('server', { addresses: ['127.0.0.2'] })
  })
  test.after(() => directory.remove())

  test('reads, writes and watches through TLS with a client certificate, named in the URL or the environment', () =>
    withConsul({ ca: authority.ca, ...server, wantsClient: true }, async (plain) => {
      const client = authority.sign('client')
      const url = `${secure(plain)}?ca=${authority.ca}&cert=${client.cert}&key=${client.key}`
      const store = await openAt(url)
      assert.is(store.url, secure(plain))
      const from = await commit(store, put('a', '1'))
      const env = {
        CONSUL_CACERT: authority.ca,
        CONSUL_CLIENT_CERT: client.cert,
        CONSUL_CLIENT_KEY: client.key,
      }
      const other = await openAt(secure(plain), { env })
      const watching = follow(other, ['a'], from)
      await commit(store, put('a', '2'))
      await watching.until('the change', (w) => w.changes().length > 0)
      await watching.stop()
      await Promise.all([store.close(), other.close()])

      const stranger = makeAuthority(directory.path, 'stranger').sign('client')
      const late = authority.sign('late', { days: -1 })
      for (const [cert, next] of [
        [undefined, /client certificate/],
        [stranger, /client certificate/],
        [late, /client certificate/],
      ] as const) {
        const query = cert ? `&cert=${cert.cert}&key=${cert.key}` : ''
        const error = await refusal(openAt(`${secure(plain)}?ca=${authority.ca}${query}`, LIMITS))
        assert.match(error.message, secure(plain))
        assert.match(error.next!, next)
      }
    }))

  test('a server of an authority that we do not know is refused', () =>
    withConsul({ ca: authority.ca, ...server }, async (plain) => {
      const error = await refusal(openAt(secure(plain), LIMITS))
      assert.is(
        error.message,
        `the store ${secure(plain)} cannot be reached: its certificate is signed by nobody we know`,
      )
      assert.match(error.next!, 'CONSUL_CACERT')
      const unencrypted = await refusal(openAt(plain, LIMITS))
      assert.match(unencrypted.next!, 'consuls://')
    }))

  test('an expired certificate, and one for another address, are named as such', async () => {
    for (const [options, message] of [
      [{ addresses: ['127.0.0.2'], days: -1 }, /its certificate has expired/],
      [{ addresses: ['127.0.0.9'] }, /its certificate is for another name/],
    ] as const) {
      const wrong = authority.sign(`wrong-${options.addresses}`, options)
      await withConsul({ ca: authority.ca, ...wrong }, async (plain) => {
        const error = await refusal(openAt(`${secure(plain)}?ca=${authority.ca}`, LIMITS))
        assert.match(error.message, message)
      })
    }
  })

  test('a Consul that speaks no TLS is named as such', () =>
    withConsul(undefined, async (plain) => {
      const error = await refusal(openAt(secure(plain), LIMITS))
      assert.match(error.message, /does not speak TLS/)
      assert.match(error.next!, 'consul://')
    }))

  test('a certificate file that is not there is named', async () => {
    const error = await refusal(openAt('consuls://127.0.0.1:1/x?ca=/nowhere/ca.pem'))
    assert.match(error.message, '/nowhere/ca.pem')
  })
}

test.run()
