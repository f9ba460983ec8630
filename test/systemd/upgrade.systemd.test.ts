/** An upgrade beneath an installed daemon: systemd starts nothing anew. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NODE_BINARY, NODE_REPOSITORY } from '../lab/node.ts'
import { onEachRelease, type World } from './world.ts'

const STORE = '/root/.local/state/nsctl/store.db'

/** Of each unit how often and when systemd started it. */
async function startsOf(world: World): Promise<string> {
  const properties = ['Id', 'NRestarts', 'ExecMainPID', 'ExecMainStartTimestampMonotonic', 'InvocationID']
  return world.sh(`systemctl show 'nsctl-*' ${properties.map((name) => `-p ${name}`).join(' ')}`)
}

async function ready(world: World): Promise<void> {
  await world.nsctl('wait --for=condition=Ready service/web --timeout=60s')
}

onEachRelease('a store of the layout before is upgraded beneath its units', async (world) => {
  await world.nsctl('up --install --runtime systemd')
  await world.nsctl(`apply -f ${NODE_REPOSITORY}/examples/quickstart`)
  await ready(world)
  const [units, pids] = [await startsOf(world), await world.pids()]
  assert.is(pids.length, 2)
  const history = await world.nsctl('history service web -o json')

  await world.sh('systemctl stop nsctl.service')
  await world.sh(
    `${NODE_BINARY} --disable-warning=ExperimentalWarning ${NODE_REPOSITORY}/test/systemd/inside/former.ts ${STORE}`,
  )
  const refused = await world.tryNsctl('up --runtime systemd')
  assert.is(refused.code, 3)
  assert.match(
    refused.stderr,
    /has layout 2\.0, this nsctl writes layout 4\.0\nupgrade it: nsctl store upgrade/,
  )
  assert.match(await world.nsctl('store upgrade'), /\nupgraded: \d+ keys \(\d+ objects, 1 revision\)/)
  await world.sh('systemctl start nsctl.service')
  await ready(world)
  assert.equal(await world.pids(), pids)
  assert.is(await startsOf(world), units)
  assert.is(await world.nsctl('history service web -o json'), history)
  assert.match(
    await world.nsctl(`apply -f ${NODE_REPOSITORY}/examples/quickstart`),
    /0 created, 0 changed, \d unchanged/,
  )
})

test.run()
