/** A Consul agent behind TLS: the catalog uses what the store's URL names. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openCatalog } from '../../../src/main/catalog.ts'
import { CatalogError, clearCatalog } from '../../../src/traffic/catalog.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { startConsul } from '../../lab/consul.ts'
import { canFetchDebs, serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { entry } from '../contract.ts'

const signal = AbortSignal.timeout(60_000)

needs(
  test,
  canFetchDebs() && canMakeCertificates(),
  'Debian packages and openssl',
)(
  'registers over TLS with a client certificate, and says what is wrong with one side or the other',
  async () => {
    const directory = serverDirectory('tls')
    const authority = makeAuthority(directory.path)
    const server = authority.sign('server', { addresses: ['127.0.0.2'] })
    const cluster = await startConsul({ tls: { ca: authority.ca, ...server, wantsClient: true } })
    try {
      const client = authority.sign('client')
      const url = `consuls://${cluster.servers[0]!.address}/nsctl`
      const open = async (query: string) => {
        const catalog = await openCatalog({ env: {}, store: `${url}${query}`, node: 'n' })
        if (catalog === undefined) throw new Error('a store in Consul has a catalog')
        return catalog
      }
      const catalog = await open(`?ca=${authority.ca}&cert=${client.cert}&key=${client.key}`)
      await catalog.register(entry('nsctl.default.web-0'), signal)
      assert.is(await clearCatalog(catalog, signal), 1)
      catalog.close()

      const saidTo = async (query: string) => {
        const refused = await open(query)
        const error = await refused.list(signal).catch((thrown: unknown) => thrown)
        refused.close()
        assert.instance(error, CatalogError)
        return (error as CatalogError).message
      }
      assert.match(
        await saidTo(`?cert=${client.cert}&key=${client.key}`),
        /self[- ]signed|unable to verify|issuer/,
      )
      assert.match(
        await saidTo(`?ca=${authority.ca}`),
        /cannot be reached: .*(certificate|alert|closed|hang up|ECONNRESET)/,
      )
    } finally {
      await cluster.stop()
      directory.remove()
    }
  },
)

test('stores elsewhere have none', async () => {
  for (const store of ['sqlite:/x.db', 'memory:', 'etcd://127.0.0.1:2379/nsctl'])
    assert.is(await openCatalog({ env: {}, store, node: 'n' }), undefined)
})

test.run()
