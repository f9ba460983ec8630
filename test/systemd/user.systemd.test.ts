/** Somebody without root, under the manager of their own that systemd gives every user. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NODE_BINARY, NODE_REPOSITORY, SYSTEMD_VERSION } from '../lab/node.ts'
import { onEachRelease, type World } from './world.ts'

const AS_USER = [
  'setpriv',
  '--reuid=1000',
  '--regid=1000',
  '--init-groups',
  'env',
  'XDG_RUNTIME_DIR=/run/user/1000',
  'HOME=/home/tester',
  'NO_COLOR=1',
]
const NSCTL = `${NODE_REPOSITORY}/bin/nsctl`

/** Runs as the user; returns what it printed. */
function asUser(world: World, ...command: readonly string[]): Promise<string> {
  return world.node.run([...AS_USER, ...command])
}

onEachRelease('npm start’s tour as a user', async (world) => {
  await world.sh('systemctl start user@1000.service')
  const output = await asUser(
    world,
    NODE_BINARY,
    `${NODE_REPOSITORY}/scripts/tour.ts`,
    '--once',
    '--runtime',
    'systemd',
  )
  assert.match(output, new RegExp(`runtime {2}systemd ${SYSTEMD_VERSION[world.release]} \\(user\\)`))
  assert.match(output, /everything worked/)
  const left = await asUser(
    world,
    'systemctl',
    '--user',
    'list-units',
    '--all',
    '--plain',
    '--no-legend',
    'nsctl*',
  )
  assert.is(left, '')
})

onEachRelease('installed as a user: it survives its own end, and down leaves nothing', async (world) => {
  await world.sh('systemctl start user@1000.service')
  const said = await asUser(world, NSCTL, 'up', '--install', '--runtime', 'systemd')
  assert.match(said, /started nsctl.service \(user manager\)/)
  assert.match(said, /when tester logs out.*: loginctl enable-linger tester\n/)
  await asUser(world, NSCTL, 'apply', '-f', `${NODE_REPOSITORY}/examples/quickstart`)
  await asUser(world, NSCTL, 'rollout', 'status', 'service/web', '--timeout=60s')
  const pids = () =>
    asUser(world, 'sh', '-c', "systemctl --user show -p MainPID --value 'nsctl-*@*.service' | sort")
  const before = await pids()
  assert.match(before, /\d+\s+\d+/)
  await asUser(world, 'systemctl', '--user', 'restart', 'nsctl.service')
  await asUser(world, NSCTL, 'wait', '--for=condition=Ready', 'service/web', '--timeout=60s')
  assert.is(await pids(), before)
  assert.match(await asUser(world, NSCTL, 'logs', 'service/web', '--tail', '1'), /listening on \d+/)
  assert.is((await asUser(world, NSCTL, 'exec', 'web-0', '--', 'id', '-u')).trim(), '1000')
  const purged = await asUser(world, NSCTL, 'down', '--purge')
  assert.match(purged, /removed \/home\/tester\/.config\/systemd\/user\/nsctl.service/)
  const left = "find /home/tester /run/user/1000 -ipath '*nsctl*' -type f"
  assert.is((await world.sh(left)).trim(), '/home/tester/.local/state/nsctl/identity')
})

test.run()
