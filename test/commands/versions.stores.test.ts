/** A kind in two versions over real servers: what one transaction holds beside the object is more, and conditional on more. */
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { type EtcdCluster, startEtcd } from '../store/etcd/scene.ts'
import { createHome, type Home, root } from './nsctl.ts'

const CRAWLERS = 150

let consul: ConsulCluster
let etcd: EtcdCluster
let home: Home

function crawlers(version: 'v1alpha1' | 'v1', size: number): string {
  const spec =
    version === 'v1'
      ? `{scaling: {replicas: ${size}}, mode: Eager, hosts: [example.org], engine: classic}`
      : `{size: ${size}, mode: fast, host: example.org, colour: red}`
  return Array.from(
    { length: CRAWLERS },
    (_, n) => `apiVersion: example.org/${version}\nkind: Crawler\nmetadata: {name: c-${n}}\nspec: ${spec}\n`,
  ).join('---\n')
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    ;[consul, etcd] = await Promise.all([startConsul(), startEtcd()])
    await etcd.ready()
    home = createHome()
    cpSync(join(root, 'examples/versions'), join(home.folder, 'versions'), { recursive: true })
  })
  test.after(async () => {
    home.remove()
    await Promise.all([consul.stop(), etcd.stop()])
  })

  for (const engine of ['consul', 'etcd'] as const)
    test(`${engine}: from one version to two, and to the new one alone`, async () => {
      const store =
        engine === 'consul'
          ? `consul://${consul.servers[0]!.address}/versions`
          : `etcd://${etcd.endpoints.join(',')}/versions`
      const nsctl = async (words: string, stdin?: string) => {
        const { code, stdout, stderr } = await home.run(['--store', store, ...words.split(' ')], {
          ...(stdin !== undefined && { stdin }),
        })
        assert.is(code, 0, `nsctl ${words}\n${stdout}${stderr}`)
        return stdout
      }
      const both = readFileSync(join(home.folder, 'versions/definition.yaml'), 'utf8')
      const at = both.indexOf('    - name: v1alpha1')
      const withoutRules = both.replace(/ {2}conversion:[\s\S]*?(?= {2}versions:\n {4}- name)/, '')
      const head = withoutRules.slice(0, withoutRules.indexOf('    - name: v1\n'))
      const onlyAlpha = head + both.slice(at).replace('deprecated: true', 'storage: true')
      const onlyV1 = withoutRules.slice(0, withoutRules.indexOf('    - name: v1alpha1'))

      await nsctl('apply -f -', onlyAlpha)
      await nsctl('apply -f -', crawlers('v1alpha1', 1))
      await nsctl('apply -f -', crawlers('v1alpha1', 2))
      await nsctl('apply -f -', both)
      assert.match(await nsctl('apply -f -', crawlers('v1alpha1', 2)), `${CRAWLERS} unchanged`)
      assert.match(await nsctl('apply -f -', crawlers('v1', 2)), `${CRAWLERS} unchanged`)
      assert.match(await nsctl('apply -f -', crawlers('v1', 3)), `${CRAWLERS} changed`)
      assert.match(await nsctl('apply -f -', crawlers('v1alpha1', 3)), `${CRAWLERS} unchanged`)
      await nsctl('scale crawlers.v1alpha1.example.org/c-0 --replicas 7')
      assert.match(
        await nsctl('store upgrade'),
        new RegExp(
          `${CRAWLERS - CRAWLERS} objects, \\d+ revisions, \\d+ applied manifests were written in v1`,
        ),
      )
      assert.match(await nsctl('apply -f -', onlyV1), '1 changed')
      await nsctl('rollback crawler/c-1 --to-revision 1')
      assert.match(await nsctl('get crawler c-0 c-1 c-2'), /c-0 +7 .*\nc-1 +1 .*\nc-2 +3 /)
      await nsctl('store check')
    })
}

test.run()
