/** Machines on which nothing of nsctl runs, looked after over SSH: real systemds, real sshds, and two controllers that reach them. */
import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Running, until } from '../daemon/processes.ts'
import { canMakeNetworks } from '../lab/network.ts'
import { canBootNodes } from '../lab/node.ts'
import { startNodeSshd } from '../lab/node-sshd.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { allReady, GRACE_S, type Machine, pidsOn, service, statusOf, withPlace } from './agentless/place.ts'

const real = needs(
  test,
  canBootNodes() && canMakeNetworks() && canFetchDebs(),
  'root on Linux and Debian packages, to boot nodes and run sshd',
)

real('a machine is looked at, added, and runs a Service without anything of nsctl on it', () =>
  withPlace(1, async (place) => {
    const { home, machines, nsctl, adding } = place
    const machine = machines[0] as Machine
    const { node, sshd } = machine
    await place.addController()
    const unknown = await home.run(adding(machine))
    assert.is(unknown.code, 3)
    assert.match(unknown.stderr, `${sshd.fingerprint} (ssh-ed25519), and it is not known`)
    const known = [...adding(machine), '--host-key', sshd.fingerprint]
    assert.match((await home.run([...known, '--dry-run'])).stdout, /^node\/n1 would be added\n$/)
    assert.is((await home.run(['get', 'node', 'n1', ...known.slice(-4, -2)])).code, 1)
    const added = await home.run(known)
    assert.is(added.code, 0, added.stderr)
    assert.match(added.stdout, /^node\/n1 added, Ready\n$/)
    assert.match((await home.run(known)).stdout, /^node\/n1 unchanged, Ready\n$/)

    home.write('web.yaml', service(3, 'first'))
    const appliedMs = performance.now()
    await nsctl('apply', '-f', 'web.yaml')
    await allReady(place, 3)
    console.log(
      `over SSH: 3 instances ready ${(performance.now() - appliedMs).toFixed(0)} ms after apply began`,
    )
    const before = await pidsOn(machine)
    assert.is(before.size, 3)
    assert.is(
      (await node.exec(['pgrep', '-f', 'bin/nsctl'])).stdout.trim(),
      '',
      'nothing of nsctl runs there',
    )
    // its listener is there once the control plane has its key
    await until(
      async () => assert.match(await nsctl('logs', 'service/web'), /serves first with gentle/),
      20_000,
    )

    // a crash is systemd's to heal, and is seen
    const [unit, pid] = [...before][0] as [string, number]
    await node.run(['kill', '-9', String(pid)])
    await until(async () => {
      const now = await pidsOn(machine)
      assert.ok(now.get(unit) !== undefined && now.get(unit) !== pid)
      const { items } = JSON.parse(await nsctl('get', 'instances', '-o', 'json'))
      assert.equal(
        items.map(({ status }: { status: { restarts: number } }) => status.restarts).sort(),
        [0, 0, 1],
      )
    }, 20_000)
    await allReady(place, 3)

    home.write('web.yaml', service(3, 'second'))
    await nsctl('apply', '-f', 'web.yaml')
    await nsctl('rollout', 'status', 'service/web', '--timeout', '60s')
    await until(async () => {
      const now = await pidsOn(machine)
      assert.is(now.size, 3)
      assert.not.ok(
        [...now.keys()].some((one) => before.has(one)),
        'all are of the new template',
      )
    })
    assert.match(await nsctl('logs', 'service/web'), /serves second/)
    assert.is((await nsctl('exec', 'service/web', '--', 'sh', '-c', 'echo $WORD')).trim(), 'second')

    await nsctl('delete', 'service', 'web')
    await until(async () => {
      assert.is((await pidsOn(machine)).size, 0)
      const left = await node.run(['sh', '-c', 'ls /run/systemd/system | grep ^nsctl- || true'])
      assert.is(left, '')
      assert.is(
        (await node.run(['sh', '-c', 'ls -A /run/nsctl/materials /run/nsctl/env 2>/dev/null || true']))
          .replace(/^\/.*:$/gm, '')
          .trim(),
        '',
      )
    }, 30_000)

    // whoever deletes the node gives the machine back
    home.write('web.yaml', service(2, 'third'))
    await nsctl('apply', '-f', 'web.yaml')
    await allReady(place, 2)
    await nsctl('delete', 'node', 'n1')
    await until(async () => {
      assert.is((await pidsOn(machine)).size, 0)
      assert.is((await node.exec(['test', '-e', '/var/lib/nsctl/store-url'])).code, 1)
    }, 30_000)
  }),
)

real('a controller that is killed is followed by another, and what runs runs on', () =>
  withPlace(1, async (place) => {
    const { home, machines, nsctl, adding, controllers } = place
    const machine = machines[0] as Machine
    const [first, second] = [await place.addController(), await place.addController()]
    const added = await home.run([...adding(machine), '--host-key', machine.sshd.fingerprint])
    assert.is(added.code, 0, added.stderr)
    home.write('web.yaml', service(3, 'first'))
    await nsctl('apply', '-f', 'web.yaml')
    await allReady(place, 3)
    const before = await pidsOn(machine)
    const holder = [first, second].find(({ output }) => /looked after from here/.test(output)) as Running
    const other = controllers.find((one) => one !== holder) as Running
    const killedMs = performance.now()
    await holder.stop('SIGKILL')
    await other.says(/looked after from here/, 20_000)
    console.log(
      `over SSH: another controller goes on ${((performance.now() - killedMs) / 1000).toFixed(1)} s after kill -9`,
    )
    await sleep((GRACE_S + 2) * 1_000)
    assert.equal(await pidsOn(machine), before, 'the same processes')
    assert.is(await statusOf(place, 'n1'), 'Ready')
    home.write('web.yaml', service(4, 'first'))
    await nsctl('apply', '-f', 'web.yaml')
    await allReady(place, 4)
    const after = await pidsOn(machine)
    assert.is(after.size, 4)
    for (const [unit, pid] of before) assert.is(after.get(unit), pid)
  }),
)

real('a machine whose sshd hangs is lost, replaced, and its surplus ends when it is back', () =>
  withPlace(2, async (place) => {
    const { home, machines, nsctl, adding } = place
    const [one, two] = machines as [Machine, Machine]
    await place.addController()
    for (const machine of machines) {
      const added = await home.run([...adding(machine), '--host-key', machine.sshd.fingerprint])
      assert.is(added.code, 0, added.stderr)
    }
    home.write('web.yaml', service(4, 'first'))
    await nsctl('apply', '-f', 'web.yaml')
    await allReady(place, 4)
    assert.is((await pidsOn(one)).size + (await pidsOn(two)).size, 4)
    await one.sshd.freeze()
    const frozenMs = performance.now()
    await until(async () => assert.is(await statusOf(place, 'n1'), 'NotReady'), 40_000)
    const lostMs = performance.now() - frozenMs
    await until(async () => assert.is((await pidsOn(two)).size, 4), 40_000)
    await allReady(place, 4)
    console.log(
      `over SSH: a hanging sshd is lost after ${(lostMs / 1000).toFixed(1)} s, replaced after ${((performance.now() - frozenMs) / 1000).toFixed(1)} s`,
    )
    assert.ok((await pidsOn(one)).size > 0, 'what runs there runs on meanwhile')
    await one.sshd.thaw()
    await until(async () => assert.is(await statusOf(place, 'n1'), 'Ready'), 60_000)
    await until(async () => assert.is((await pidsOn(one)).size + (await pidsOn(two)).size, 4), 60_000)
    await allReady(place, 4)
  }),
)

real('what is unique ends by itself where its machine is not reached, and starts again when it is', () =>
  withPlace(1, async (place) => {
    const { home, machines, nsctl, adding } = place
    const machine = machines[0] as Machine
    await place.addController()
    const added = await home.run([...adding(machine), '--host-key', machine.sshd.fingerprint])
    assert.is(added.code, 0, added.stderr)
    home.write(
      'one.yaml',
      `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: one}
spec: {unique: true, template: {source: {command: [sleep, '100000'], workingDir: /}}}
`,
    )
    await nsctl('apply', '-f', 'one.yaml')
    await allReady(place, 1)
    await machine.sshd.freeze()
    const frozenMs = performance.now()
    await until(async () => assert.is((await pidsOn(machine)).size, 0), 20_000)
    const tookMs = performance.now() - frozenMs
    console.log(`over SSH: what is unique had ended ${(tookMs / 1000).toFixed(1)} s after its sshd hung`)
    assert.ok(tookMs < 14_000, 'within the bound of its lease')
    await machine.sshd.thaw()
    await until(async () => assert.is((await pidsOn(machine)).size, 1), 60_000)
    await allReady(place, 1)
  }),
)

real('a machine behind another one, with a Secret, is looked after across its boot', () =>
  withPlace(2, async (place) => {
    const { home, network, machines, nsctl, adding } = place
    const [gate, far] = machines as [Machine, Machine]
    // nobody but the gate reaches it
    await network.cutBetween(network.here, far.host)
    mkdirSync(`${home.folder}/.ssh`)
    copyFileSync(gate.sshd.keyFile, `${home.folder}/.ssh/id_ed25519`)
    copyFileSync(far.sshd.keyFile, `${home.folder}/.ssh/id_ecdsa`)
    const listens = network.here.address
    await place.addController('--listen', listens)
    const words = ['node', 'add', 'far', '--ssh', `root@${far.address}`, '--jump', `root@${gate.address}`]
    const behind = [...words, ...adding(far).slice(-2), '--host-key', far.sshd.fingerprint]
    const unknown = await home.run(behind)
    assert.match(unknown.stderr, gate.sshd.fingerprint, 'the gate has to be known, too')
    assert.is(unknown.code, 3)
    appendFileSync(`${home.folder}/.ssh/known_hosts`, `${gate.address} ${gate.sshd.hostKey}\n`)
    const added = await home.run(behind)
    assert.is(added.code, 0, added.stderr)
    home.write(
      'db.yaml',
      `apiVersion: nsctl.dev/v1alpha1
kind: Secret
metadata: {name: db}
stringData: {password: planted-word}
---
apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: app}
spec:
  replicas: 2
  template:
    source: {command: [sh, -c, 'wc -c "$CREDENTIALS_DIRECTORY"/db*; exec sleep 100000'], workingDir: /}
    secrets: [{name: db}]
`,
    )
    await nsctl('apply', '-f', 'db.yaml')
    await allReady(place, 2)
    const heard = await nsctl('get', 'node', 'far', '-o', 'jsonpath={.status.listener}')
    assert.ok(heard.trim().startsWith(`${listens}:`), heard)
    assert.match(await nsctl('logs', 'service/app'), /12 \//, 'the Secret was there, whole')
    const found = await far.node.exec(['grep', '-rl', 'planted-word', '/etc', '/var', '/root'])
    assert.is(found.stdout, '', 'no disk has it')

    await far.node.reboot()
    await startNodeSshd(far.node, far.sshd)
    await network.adopt(far.name, far.node.pid)
    await until(async () => assert.is((await pidsOn(far)).size, 2), 60_000)
    await allReady(place, 2)
    await until(async () => assert.match(await nsctl('logs', 'service/app'), /12 \//), 20_000)
  }),
)

test.run()
