/** The installed daemon: it outlives logins and reboots, its end ends no workload, and `down` leaves what it says. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NODE_REPOSITORY } from '../lab/node.ts'
import { onEachRelease, type World } from './world.ts'

/** Writes which boot and process it is to its storage, and serves. */
const PROGRAM = `
const { appendFileSync } = require('node:fs')
appendFileSync(process.env.STORAGE_DATA + '/life.log', process.pid + '\\n')
require('node:http').createServer((q, r) => r.end('stored\\n')).listen(Number(process.env.PORT))
`
const STATEFUL = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'db' },
  spec: {
    replicas: 2,
    template: {
      source: { command: ['node', '-e', PROGRAM], workingDir: '/' },
      ports: [{ name: 'http' }],
      readiness: { http: { port: 'http' } },
    },
    storage: [{ name: 'data', path: '/data' }],
  },
}
const LIFE_LOGS = "cat $(find /var/lib/private /var/lib/nsctl -name life.log -path '*data/0*') | wc -l"

async function install(world: World): Promise<void> {
  const said = await world.nsctl('up --install --runtime systemd')
  assert.match(said, /started nsctl.service \(system manager\)/)
  await world.nsctl(`apply -f ${NODE_REPOSITORY}/examples/quickstart`)
  await world.apply(STATEFUL)
  await allReady(world)
}

async function allReady(world: World): Promise<void> {
  for (const name of ['web', 'db'])
    await world.nsctl(`wait --for=condition=Ready service/${name} --timeout=60s`)
}

async function isActive(world: World): Promise<boolean> {
  return (await world.sh('systemctl is-active nsctl.service || true')) === 'active'
}

/** Everything of ours on the machine's file system. */
async function filesLeft(world: World): Promise<readonly string[]> {
  const found = await world.sh(
    "find / -xdev \\( -path /proc -o -path /sys -o -path /opt -o -path /old -o -path /var/log/journal \\) -prune -o -iname '*nsctl*' -print; find /run /tmp -iname '*nsctl*'",
  )
  return [...new Set(found.split('\n'))].filter((one) => one !== '').sort()
}

onEachRelease('installed: enabled, restarts without touching workloads, survives a reboot', async (world) => {
  await install(world)
  assert.is(await world.sh('systemctl is-enabled nsctl.service'), 'enabled')
  const before = await world.pids()
  assert.is(before.length, 4)

  await world.sh('systemctl restart nsctl.service')
  await world.until('it is active', () => isActive(world))
  await allReady(world)
  assert.equal(await world.pids(), before, 'a restart of the daemon restarts no workload')

  await world.sh('systemctl kill -s KILL nsctl.service')
  await world.until(
    'it is back',
    async () => (await world.tryNsctl('wait --for=condition=Ready service/web --timeout=1s')).code === 0,
  )
  assert.equal(await world.pids(), before)
  assert.is(await world.sh(LIFE_LOGS), '1')

  // as a power failure
  const listed = await world.nsctl('get svc -o name')
  await world.node.reboot()
  await world.until('units are back', async () => (await world.units()).size === 4)
  await world.until('all run', async () =>
    [...(await world.units()).values()].every(({ active }) => active === 'active'),
  )
  await allReady(world)
  assert.is(await world.nsctl('get svc -o name'), listed)
  assert.is(await world.sh(LIFE_LOGS), '2', 'storage is kept, and each boot started it once')
  for (const one of await world.instances()) assert.is(one.status.phase, 'Running')
  const url = (await world.nsctl('get service db -o jsonpath={.status.url}')).split(' ')[0] ?? ''
  assert.is(await world.fetch(url), 'stored\n')
})

onEachRelease('installed again over itself: nothing is lost and nothing restarts', async (world) => {
  await install(world)
  const before = await world.pids()
  await world.nsctl('up --install --runtime systemd')
  await allReady(world)
  assert.equal(await world.pids(), before)
})

onEachRelease(
  'down removes units, slice and daemon, and lists what it leaves; --purge leaves what opens Secrets',
  async (world) => {
    assert.equal(await filesLeft(world), [])
    await install(world)
    const said = await world.nsctl('down')
    assert.is((await world.units()).size, 0)
    assert.is(await world.sh("systemctl list-units --all --plain --no-legend 'nsctl*'"), '')
    assert.is(await world.sh("systemctl list-unit-files --no-legend 'nsctl*' || true"), '')
    assert.is(
      await world.sh('ls -d /sys/fs/cgroup/*/nsctl.slice /sys/fs/cgroup/nsctl.slice 2>/dev/null || true'),
      '',
    )
    const left = said.slice(said.indexOf('left,'))
    for (const word of ['storage', '/data/0', '/data/1', '/root/.local/state/nsctl'])
      assert.ok(left.includes(word), left)
    for (const found of await filesLeft(world)) {
      // where systemd keeps a dynamic user's state; what is listed links there
      const file = found.replace('/var/lib/private/', '/var/lib/')
      const isNamed =
        left.includes(file) ||
        [...left.matchAll(/\/[^\s:]+/g)].some(([path]) => path.startsWith(file) || file.startsWith(path))
      assert.ok(isNamed, `${file} is left and not listed:\n${left}`)
    }

    // what was kept is taken up again
    await world.nsctl('up --install --runtime systemd')
    await world.until('it has written on', async () => (await world.sh(LIFE_LOGS)) === '2')

    const purged = await world.nsctl('down --purge')
    assert.not.match(purged, /remove it with nsctl down --purge/)
    const state = '/root/.local/state/nsctl'
    assert.equal(await filesLeft(world), [state])
    assert.is((await world.sh(`ls -A ${state}`)).trim(), 'identity')
    assert.match(purged, `${state}/identity: what opens the Secrets of every store`)
    assert.is(await world.sh("systemctl list-units --all --plain --no-legend 'nsctl*'"), '')
    assert.match(await world.nsctl('down --purge'), /nothing was running/)
  },
)

test.run()
