/** A machine as NixOS makes it: /etc is read-only, its units are links into a store, and others reload systemd at any time. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NODE_BINARY, NODE_REPOSITORY } from '../lab/node.ts'
import { onEachRelease, type World } from './world.ts'

const UNIT = `[Unit]
Description=nsctl
After=network.target
[Service]
Environment=PATH=${NODE_REPOSITORY}/node_modules/.bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HOME=/root
ExecStart=${NODE_REPOSITORY}/bin/nsctl up --runtime systemd
Restart=always
KillMode=process
[Install]
WantedBy=multi-user.target
`
const STORE = '/nix/store/abc-unit-nsctl.service'

/** As the module's: in the store, linked from /etc, which is sealed afterwards. */
async function seal(world: World): Promise<void> {
  await world.sh(`mkdir -p ${STORE} /etc/systemd/system/multi-user.target.wants`)
  await world.write(`${STORE}/nsctl.service`, UNIT)
  await world.sh(`
    ln -s ${STORE}/nsctl.service /etc/systemd/system/nsctl.service
    ln -s ../nsctl.service /etc/systemd/system/multi-user.target.wants/nsctl.service
    mount --bind /etc /etc && mount -o remount,bind,ro /etc
    mount --bind ${STORE} ${STORE} && mount -o remount,bind,ro ${STORE}
    systemctl daemon-reload`)
  assert.is(await world.sh('touch /etc/x 2>/dev/null || echo sealed'), 'sealed')
}

async function quickstart(world: World): Promise<void> {
  await world.nsctl(`apply -f ${NODE_REPOSITORY}/examples/quickstart`)
  await world.nsctl('rollout status service web --timeout=60s')
}

onEachRelease('with /etc read-only and the one unit preinstalled everything works', async (world) => {
  await seal(world)
  const said = await world.nsctl('up --install --runtime systemd')
  assert.match(said, /nsctl.service was there already and stays as it is/)
  assert.is(await world.sh('systemctl is-active nsctl.service'), 'active')
  await quickstart(world)
  const files = await world.sh(
    "find / -xdev -type f -name 'nsctl-*@*.service'; find /run -type f -name 'nsctl-*@*.service' -not -path '/run/nsctl/*'",
  )
  for (const file of files.split('\n')) assert.match(file, /^\/run\/systemd\/system\/nsctl-/)
  const targets = await world.sh(
    "find /run/systemd/system /etc/systemd -name '*.wants' -exec ls {} + | grep nsctl- || true",
  )
  assert.is(targets, '', 'no workload is wanted by a target')

  const before = await world.pids()
  await world.nsctl(`apply -f ${NODE_REPOSITORY}/examples/quickstart/changed/web.yaml`)
  await world.nsctl('rollout status service web --timeout=60s')
  await world.nsctl('rollback service web')
  await world.nsctl('rollout status service web --timeout=60s')
  for (const pid of await world.pids()) assert.not.ok(before.includes(pid))

  const down = await world.nsctl('down --purge')
  assert.match(down, /stopped nsctl.service; \/etc\/systemd\/system\/nsctl.service cannot be removed/)
  assert.is((await world.units()).size, 0)
  assert.is(await world.sh('systemctl is-active nsctl.service || true'), 'inactive')
})

onEachRelease('a daemon-reload and a daemon-reexec of others change nothing', async (world) => {
  await world.up()
  await quickstart(world)
  const before = await world.pids()
  for (const verb of ['daemon-reload', 'daemon-reexec', 'daemon-reload', 'daemon-reexec']) {
    await world.sh(`systemctl ${verb}`)
    assert.equal(await world.pids(), before, verb)
    for (const one of await world.instances()) {
      assert.is(one.status.phase, 'Running', verb)
      assert.is(one.status.restarts, 0, verb)
    }
  }

  // it still hears of what happens, and can still act
  const [unit = ''] = (await world.units()).keys()
  await world.sh(`kill -9 $(systemctl show -p MainPID --value ${unit})`)
  await world.until('the end was seen', async () =>
    (await world.instances()).some((one) => one.status.restarts === 1 && one.status.ready),
  )
  await world.nsctl('scale service web --replicas 4')
  await world.nsctl('rollout status service web --timeout=60s')
  assert.is((await world.pids()).length, 4)
})

onEachRelease(
  'reloads while a hundred instances come and go: none is lost, none is doubled',
  async (world) => {
    await world.up()
    const source = { command: ['/bin/sleep', '1000'], workingDir: '/' }
    const spec = { replicas: 60, template: { source } }
    await world.apply({ apiVersion: 'nsctl.dev/v1alpha1', kind: 'Service', metadata: { name: 'many' }, spec })
    const script = 'for i in 1 2 3 4 5; do systemctl daemon-reload; systemctl daemon-reexec; done'
    const disturbed = world.sh(script)
    await world.nsctl('rollout status service many --timeout=120s')
    await disturbed
    await world.nsctl('scale service many --replicas 100')
    await world.sh('systemctl daemon-reexec')
    await world.nsctl('rollout status service many --timeout=120s')
    assert.is((await world.pids()).length, 100)
    for (const one of await world.instances()) assert.is(one.status.restarts, 0, JSON.stringify(one.status))
    await world.nsctl('scale service many --replicas 1')
    await world.sh('systemctl daemon-reload')
    await world.until('one is left', async () => (await world.instances()).length === 1)
    await world.until('one unit is left', async () => (await world.units()).size === 1)
  },
)

onEachRelease('what nixos-rebuild asks of systemd has nothing of ours in it', async (world) => {
  await world.up()
  await quickstart(world)
  // switch-to-configuration compares the units of /etc, and fails where one is failed or waits for its restart
  const program = `
    const { execFileSync } = require('node:child_process')
    const lines = execFileSync('systemctl', ['list-units', '--all', '--plain', '--no-legend', '--full'], { encoding: 'utf8' })
    const bad = lines.split('\\n').filter((line) => line.includes('nsctl') && /failed|auto-restart/.test(line))
    console.log(JSON.stringify(bad))`
  const { stdout } = await world.node.exec([NODE_BINARY, '-e', program])
  assert.equal(JSON.parse(stdout), [])
  assert.is(
    await world.sh("systemctl list-unit-files --state=enabled,enabled-runtime --no-legend 'nsctl-*' || true"),
    '',
  )
})

test.run()
