/** A Service in containers, seen through nsctl: it becomes ready, answers, is looked into, scaled, healed and removed as any other. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NODE_BINARY, NODE_REPOSITORY } from '../lab/node.ts'
import { onEachRelease } from './world.ts'

const PROGRAMS = `${NODE_REPOSITORY}/test/runtimes/systemd/inside/programs`

onEachRelease('a service in containers is as any other, apart from what it sees', async (world) => {
  await world.up()
  assert.is(await world.nsctl('get nodes -o jsonpath={.items[0].status.runtimes[0]}'), 'nspawn')
  await world.apply({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      storage: [{ name: 'data', path: '/var/lib/web' }],
      template: {
        runtime: 'nspawn',
        closure: ['/usr', NODE_REPOSITORY],
        source: { command: [NODE_BINARY, `${PROGRAMS}/web.mjs`] },
        ports: [{ name: 'http' }],
        readiness: { tcp: { port: 'http' } },
        liveness: { exec: { command: ['test', '-d', '/var/lib/web'] } },
      },
    },
  })
  await world.nsctl('wait --for=condition=Ready service/web --timeout=60s')
  const url = (await world.nsctl('get service web -o jsonpath={.status.url}')).split(' ')[0] ?? ''
  assert.is(JSON.parse(await world.fetch(url)).worker, 42)
  assert.match(await world.nsctl('describe service web'), /Runtime\s+nspawn, closure \/usr/)
  const look = 'id -u; cat /proc/sys/kernel/hostname; ls -d /home; touch /var/lib/web/kept'
  const seen = await world.tryNsctl(['exec', 'web-1', '--', 'sh', '-c', look])
  assert.match(seen.stdout, /^0\nweb-1\n$/)
  assert.match(await world.nsctl('logs web-0'), /listening/)

  await world.sh(`kill -9 $(cat /run/nsctl/containers/*web*@0.service.pid)`)
  await world.until('it is back', async () =>
    (await world.instances()).some(({ status }) => status.restarts === 1 && status.ready),
  )
  await world.nsctl('scale service web --replicas 1')
  await world.until('one is left', async () => (await world.units()).size === 1)
  await world.nsctl('delete service web --timeout=60s')
  assert.is((await world.units()).size, 0)
  assert.is(await world.sh('ls /run/nsctl/containers'), 'keeper.sh\nroot')
})

onEachRelease('a root that is not there stands in the way, and is said', async (world) => {
  await world.up()
  await world.apply({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'lost' },
    spec: { replicas: 1, template: { runtime: 'nspawn', root: '/srv/none', source: { command: ['sh'] } } },
  })
  await world.until('it is said', async () =>
    (await world.nsctl('describe instance lost-0')).includes('the root /srv/none is not a directory'),
  )
})

test.run()
