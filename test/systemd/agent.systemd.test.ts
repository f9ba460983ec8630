/** A machine that joined and boots while nobody answers for the store: what ran before runs. */
import { createPublicKey } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Authority, keyPem, makeAuthority, newKey } from '../../src/join/authority.ts'
import type { Membership } from '../../src/join/member.ts'
import { NODE_REPOSITORY } from '../lab/node.ts'
import { onEachRelease, type World } from './world.ts'

const SERVICE = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'it' },
  spec: { replicas: 2, template: { source: { command: ['sleep', '100000'] } } },
}
const AWAY = 'consul://127.0.0.1:9/away'
const STATE = '/var/lib/nsctl'

/** As the machine would have it from a listener that is away by now, as its store is. */
function membershipOf(node: string): Membership {
  const authority = makeAuthority(Date.now())
  const key = newKey()
  const publicKey = keyPem(createPublicKey(key))
  return {
    node,
    certificate: new Authority(authority).issueNode({ node, joining: 'j' }, publicKey, Date.now()),
    storeUrl: AWAY,
    credential: { CONSUL_HTTP_TOKEN: 'secret' },
    authority: authority.certificate,
    key: keyPem(key),
    addresses: ['127.0.0.1:9'],
    token: '0123456789',
  }
}

async function startAgent(world: World): Promise<void> {
  const script = 'exec "$@" >/run/agent.log 2>&1'
  const words = [`${NODE_REPOSITORY}/bin/nsctl`, 'agent', '--runtime', 'systemd']
  world.node.spawn(['sh', '-c', script, 'sh', ...words], { stdio: 'ignore' }).unref()
}

onEachRelease(
  'an agent restores at boot what ran, without a control plane and without a store',
  async (world) => {
    await world.up()
    await world.apply(SERVICE)
    await world.nsctl('wait --for=condition=Ready service/it --timeout=60s')
    await world.sh('kill $(cat /run/up.pid)')
    const node = await world.sh(`sed -n 2p ${STATE}/store-url`)
    await world.write(`${STATE}/membership.json`, JSON.stringify(membershipOf(node)))
    await world.write(`${STATE}/store-url`, `${AWAY}\n${node}\n`)

    await world.node.reboot()
    assert.is((await world.units()).size, 0, 'units go with a boot')
    await startAgent(world)
    await world.until('both run', async () => {
      const units = [...(await world.units()).values()]
      return units.length === 2 && units.every(({ active }) => active === 'active')
    })
    await world.until('it says so', async () => {
      const said = await world.sh('cat /run/agent.log')
      return /started again what ran before the boot programs=2[\s\S]*waiting for the store/.test(said)
    })
    assert.not.match(await world.sh('cat /run/agent.log'), 'secret')
  },
  { releases: ['bookworm'] },
)

test.run()
