/** The main way through: apply, see it run, change it, undo it, as a user does it, on a real systemd. */
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NODE_BINARY, NODE_REPOSITORY, SYSTEMD_VERSION } from '../lab/node.ts'
import type { PollResult } from './inside/poll.ts'
import { onEachRelease, type World } from './world.ts'

const QUICKSTART = `${NODE_REPOSITORY}/examples/quickstart`
const STORE = '/root/.local/state/nsctl/store.db'

async function applyQuickstart(world: World): Promise<void> {
  await world.nsctl(`apply -f ${QUICKSTART}`)
  await world.nsctl('wait --for=condition=Ready service/web --timeout=60s')
}

async function greeting(world: World): Promise<string> {
  const url = (await world.nsctl('get service web -o jsonpath={.status.url}')).split(' ')[0]
  return world.fetch(url ?? '')
}

/** Requests all ready instances while `change` happens. */
async function whilePolling(world: World, change: () => Promise<void>): Promise<PollResult> {
  const script = `${NODE_REPOSITORY}/test/systemd/inside/poll.ts`
  const command = [NODE_BINARY, '--disable-warning=ExperimentalWarning', script, STORE, 'web']
  const child = world.node.spawn(command, { stdio: ['pipe', 'pipe', 'pipe'] })
  assert.ok(child.stdin && child.stdout && child.stderr)
  await new Promise((resolve) => child.stderr?.once('data', resolve))
  const output = text(child.stdout)
  try {
    await change()
  } finally {
    child.stdin.end()
  }
  return JSON.parse(await output)
}

onEachRelease('apply, scale, diff, update, roll back, history, delete', async (world) => {
  await world.up()
  await applyQuickstart(world)
  const [node] = JSON.parse(await world.nsctl('get nodes -o json')).items
  assert.is(node.status.runtime, `systemd ${SYSTEMD_VERSION[world.release]} (system)`)
  assert.match(await greeting(world), /^hello from process \d+/)
  const first = await world.pids()
  assert.is(first.length, 2)

  await world.nsctl('scale service web --replicas 3')
  await world.nsctl('rollout status service web --timeout=60s')
  const scaled = await world.pids()
  assert.is(scaled.length, 3)
  for (const pid of first) assert.ok(scaled.includes(pid), 'scaling replaces nothing')

  const diff = await world.nsctl(`diff -f ${QUICKSTART}/changed/web.yaml`, 1)
  assert.match(diff, /^-\s+value: hello$/m)
  assert.match(diff, /^\+\s+value: good morning$/m)

  const updated = await whilePolling(world, async () => {
    await world.nsctl(`apply -f ${QUICKSTART}/changed/web.yaml`)
    await world.nsctl('rollout status service web --timeout=60s')
  })
  assert.is(updated.failed, 0, updated.failures.join('\n'))
  assert.ok(updated.answered > 10, `only ${updated.answered} requests`)
  assert.ok(updated.fewestReady >= 2, `only ${updated.fewestReady} were ready`)
  console.log(`update on ${world.release}: ${updated.answered} answered, ${updated.moved} moved, 0 failed`)
  assert.match(await greeting(world), /^good morning/)

  const undone = await whilePolling(world, async () => {
    await world.nsctl('rollback service web')
    await world.nsctl('rollout status service web --timeout=60s')
  })
  assert.is(undone.failed, 0, undone.failures.join('\n'))
  assert.match(await greeting(world), /^hello/)
  const history = JSON.parse(await world.nsctl('history service web -o json'))
  assert.equal(
    (history.items ?? history).map((one: { revision: number }) => one.revision),
    [3, 2, 1],
  )

  await world.nsctl('delete service web --timeout=60s')
  await world.until('no unit is left', async () => (await world.units()).size === 0)
  assert.is(await world.sh("ls /run/systemd/system | grep '^nsctl-' || true"), '', 'no unit file is left')
})

onEachRelease('what get prints is unchanged when it is applied', async (world) => {
  await world.up()
  await applyQuickstart(world)
  for (const format of ['json', 'yaml']) {
    const printed = await world.nsctl(`get svc -o ${format}`)
    const { code, stdout } = await world.tryNsctl('apply -f -', printed)
    assert.is(code, 0)
    assert.match(stdout, /^service\/web unchanged/m)
    assert.match(stdout, /0 created, 0 changed, 1 unchanged/)
  }
})

onEachRelease(
  'the daemon killed: units keep running, and nothing restarts when it is back',
  async (world) => {
    await world.up()
    await applyQuickstart(world)
    const before = await world.pids()
    for (let round = 0; round < 3; round++) {
      await world.killDaemon()
      assert.equal(await world.pids(), before)
      assert.match(await greeting(world), /^hello/)
      await world.up()
      await world.nsctl('wait --for=condition=Ready service/web --timeout=60s')
      assert.equal(await world.pids(), before)
    }
    for (const one of await world.instances()) assert.is(one.status.restarts, 0)

    // a change made while nobody acts is made true by the next daemon
    await world.killDaemon()
    const { stderr } = await world.tryNsctl('scale service web --replicas 3')
    assert.match(stderr, /no daemon|nobody/i)
    assert.equal(await world.pids(), before)
    await world.up()
    await world.nsctl('rollout status service web --timeout=60s')
    const after = await world.pids()
    assert.is(after.length, 3)
    for (const pid of before) assert.ok(after.includes(pid))
  },
)

onEachRelease('npm start’s tour', async (world) => {
  const tour = `${NODE_REPOSITORY}/scripts/tour.ts`
  const output = await world.node.run([NODE_BINARY, tour, '--once', '--runtime', 'systemd'])
  assert.match(output, new RegExp(`runtime {2}systemd ${SYSTEMD_VERSION[world.release]} \\(system\\)`))
  assert.match(output, /everything worked/)
  assert.is((await world.units()).size, 0)
})

test.run()
