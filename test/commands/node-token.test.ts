/** `nsctl node token create` where no machine could join. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openShop } from './shop.ts'

for (const c of [
  {
    url: 'sqlite:/var/lib/nsctl/store.db',
    code: 2,
    stderr:
      'error: no machine can join this store: a store of sqlite is on one machine\nkeep the store in Consul or etcd: nsctl store migrate --to consul://HOST:8500/nsctl\n',
  },
  {
    url: 'consul://127.0.0.1:8500/nsctl',
    code: 1,
    stderr:
      'error: no controller listens for machines that join\nstart one: nsctl controller --join-listen ADDRESS:PORT\n',
  },
])
  test(`over ${c.url} it is said what to do`, async () => {
    const shop = await openShop()
    shop.setStoreUrl(c.url)
    const { code, stderr } = await shop.run(['node', 'token', 'create'])
    assert.equal([code, stderr], [c.code, c.stderr])
  })

test.run()
