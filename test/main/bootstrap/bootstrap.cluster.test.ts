/** A bare machine with a real systemd and a real sshd becomes a node: by one command, and again after each way of being cut off. */
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Finished, type Home, root } from '../../commands/nsctl.ts'
import { Running, until } from '../../daemon/processes.ts'
import { canMakeNetworks, makeNetwork, type Network } from '../../lab/network.ts'
import { bootNode, canBootNodes, type LabNode } from '../../lab/node.ts'
import { installSudo, type NodeSshd, startNodeSshd } from '../../lab/node-sshd.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { startSshd } from '../../lab/sshd.ts'
import { needs } from '../../parts.ts'
import { type AclLab, startAclLab } from '../../store/consul/acl-lab.ts'

const real = needs(
  test,
  canBootNodes() && canMakeNetworks() && canFetchDebs(),
  'root on Linux and Debian packages, to boot a node, run sshd and Consul',
)

interface Place {
  readonly network: Network
  readonly node: LabNode
  readonly sshd: NodeSshd
  readonly address: string
  readonly controller: Running
  readonly nsctl: (...words: readonly string[]) => Promise<Finished>
  readonly words: (...more: readonly string[]) => readonly string[]
  readonly start: (words: readonly string[]) => Running
  readonly store: string
  readonly home: Home
}

async function withPlace(
  options: { readonly readOnlyEtc?: boolean },
  run: (place: Place) => Promise<void>,
): Promise<void> {
  const network: Network = await makeNetwork()
  const home = createHome()
  const running: Running[] = []
  let [lab, node, sshd]: [AclLab | undefined, LabNode | undefined, NodeSshd | undefined] = [
    undefined,
    undefined,
    undefined,
  ]
  try {
    lab = await startAclLab({ hosts: [network.here] })
    home.write('master', lab.master)
    const store = `consul://${lab.cluster.servers[0]!.address}/boot?token-file=${home.folder}/master`
    const start = (words: readonly string[]) => {
      const one = new Running(home, words)
      running.push(one)
      return one
    }
    const at = `${network.here.address}:0`
    const controller = start(['controller', '--store', store, '--join-listen', at, '--node-grace', '5s'])
    await controller.says(/machines can join at/, 30_000)
    node = await bootNode({ name: 'bare', release: 'bookworm', ...options })
    const { address } = await network.adopt('bare', node.pid)
    sshd = await startNodeSshd(node)
    const keyFile = sshd.keyFile
    await run({
      ...{ network, node, sshd, address, controller, start, store, home },
      nsctl: (...words) => home.run([...words, '--store', store]),
      words: (...more) => [
        ...['node', 'bootstrap', 'n1', '--ssh', `root@${address}`, '--identity-file', keyFile],
        ...['--store', store, ...more],
      ],
    })
  } catch (error) {
    for (const one of running) console.log(`── ${one.child.spawnargs.slice(1, 6).join(' ')}\n${one.output}`)
    if (node !== undefined) console.log((await node.exec(['journalctl', '--no-pager', '-n', '40'])).stdout)
    throw error
  } finally {
    for (const one of running) await one.stop('SIGKILL')
    await node?.stop()
    sshd?.remove()
    await lab?.cluster.stop()
    await network.close()
    home.remove()
  }
}

const SERVICE = `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: it}
spec: {replicas: 2, template: {source: {command: [sleep, '1000'], workingDir: /}}}
`

/** Looks for a token among what everybody may see of processes, until its input ends. */
const SPY = `
n=0
exec 3<&0
(read -r _ <&3; echo >/tmp/enough) &
while [ ! -e /tmp/enough ]; do sleep 0.1; n=$((n+1)); grep -la 'nsctl-join-[1][.]' /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; done
rm /tmp/enough
echo "looked $n times"`

const ran = async ({ home }: Place, words: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await home.run(words)
  assert.is(code, 0, `${words.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

real('a bare machine is known by its key, set up, left alone the next time, and given up', () =>
  withPlace({}, async (place) => {
    const { network, node, sshd, nsctl, words, home } = place
    const unknown = await home.run(words())
    assert.is(unknown.code, 3)
    assert.match(unknown.stderr, `${sshd.fingerprint} (ssh-ed25519), and it is not known`)
    const known = words('--host-key', sshd.fingerprint)
    const dry = await ran(place, [...known, '--dry-run'])
    assert.match(
      dry,
      /would send node-[\s\S]*would send nsctl-[\s\S]*would join as node n1[\s\S]*would be set up/,
    )
    assert.is((await node.exec(['ls', '/var/lib/nsctl-program'])).code, 2, 'a dry run leaves nothing')
    assert.is((await nsctl('get', 'node', 'n1')).code, 1)

    // a machine that cannot join has been sent what it needs, and leaves no token behind
    const alone = await home.run([...known, '--join-address', '127.0.0.1:9'])
    assert.is(alone.code, 1)
    assert.match(alone.stderr, /127\.0\.0\.1:9/)
    assert.match(alone.stdout, /sent nsctl-/)
    assert.not.match((await nsctl('node', 'token', 'list')).stdout, /good/)
    assert.is((await node.exec(['systemctl', 'cat', 'nsctl-agent'])).code, 1)
    await node.run(['rm', '-r', '/var/lib/nsctl-program'])

    const watching = node.spawn(['sh', '-c', SPY], { stdio: ['pipe', 'pipe', 'inherit'] })
    const watched = once(watching, 'close')
    let spied = ''
    watching.stdout?.on('data', (data) => {
      spied += data
    })
    const startedMs = performance.now()
    const said = await ran(place, known)
    console.log(
      `bootstrap of a bare machine: ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n${said}`,
    )
    assert.match(said, /joined as node n1[\s\S]*node\/n1 is Ready/)
    watching.stdin?.end()
    await watched
    assert.match(spied, /^looked \d\d+ times\n$/)
    home.write('it.yaml', SERVICE)
    assert.is((await nsctl('apply', '-f', 'it.yaml')).code, 0)
    assert.is((await nsctl('wait', '--for=condition=Ready', 'service/it', '--timeout', '30s')).code, 0)
    const pids = () =>
      node.run(['systemctl', 'show', '-p', 'MainPID', '--value', 'nsctl-*@*.service', 'nsctl-agent'])
    const before = await pids()
    assert.match(
      await ran(place, known),
      /^nsctl-agent.service runs as it should[\s\S]*node\/n1 unchanged, Ready\n$/,
    )
    assert.is(await pids(), before, 'nothing was started anew')
    assert.match(await ran(place, [...known, '--dry-run']), /^node\/n1 unchanged\n$/)

    // no token is left: not in a file, not in the unit, not in the journal, and those in the store are used up
    const found = await node.exec([
      'sh',
      '-c',
      'grep -rlE "nsctl-join-1[.][A-Za-z0-9]" /etc /run /var/lib /root /tmp; journalctl | grep -E "nsctl-join-1[.][A-Za-z0-9]"',
    ])
    assert.is(found.stdout, '')
    assert.not.match((await nsctl('node', 'token', 'list')).stdout, /good/)
    assert.equal((await node.run(['ls', '-A', '/var/lib/nsctl-program'])).trim().split('\n').length, 3)

    // what is named otherwise is refused
    const other = await home.run(known.map((word) => (word === 'n1' ? 'n2' : word)))
    assert.is(other.code, 4)
    assert.match(other.stderr, /the machine is node n1 already/)
    const program = '/var/lib/nsctl-program/current/bin/nsctl'
    const services = () => node.run(['systemctl', 'show', '-p', 'MainPID', '--value', 'nsctl-*@*.service'])
    const running = await services()
    const removed = await node.run([program, 'agent', '--uninstall'])
    assert.match(removed, /removed \/etc\/systemd\/system\/nsctl-agent.service/)
    assert.is(
      (await node.run(['systemctl', 'list-units', '--no-legend', 'nsctl-*@*'])).trim().split('\n').length,
      2,
    )
    assert.match(await ran(place, known), /installed[\s\S]*node\/n1 is Ready/)
    assert.is(await services(), running, 'programs went on')
    await node.reboot()
    await network.adopt('bare', node.pid)
    await until(async () => {
      const units = await node.run(['systemctl', 'list-units', '--no-legend', '--state=active', 'nsctl-*@*'])
      assert.is(units.trim().split('\n').length, 2)
      assert.is((await node.exec(['systemctl', 'is-active', 'nsctl-agent'])).code, 0)
    }, 30_000)
    const down = await node.run([program, 'down', '--store', place.store.replace(/\?.*/, '')])
    assert.match(down, /removed \/etc\/systemd\/system\/nsctl-agent.service[\s\S]*ended every workload/)
  }),
)

real('whenever it is cut off, the next run goes on, and the machine joins once', () =>
  withPlace({}, async (place) => {
    const { node, sshd, words, start, nsctl, home } = place
    const known = words('--host-key', sshd.hostKey)
    const cuts = { process: 0, connection: 0 }
    for (let round = 0; round < 12; round++) {
      const one = start(known)
      await Promise.race([sleep(300 + ((round * 617) % 6_000)), one.ended])
      if (one.child.exitCode !== null) break
      if (round % 2 === 0) {
        cuts.process++
        await one.stop('SIGKILL')
      } else {
        await sshd.killSessions()
        const code = await one.ended
        // it had not connected yet, and ran to its end
        if (code === 0) break
        assert.is(code, 3, one.output)
        cuts.connection++
      }
    }
    await sshd.freeze()
    const hangs = await home.run(known)
    assert.is(hangs.code, 3)
    assert.match(hangs.stderr, /given up after 15 s/)
    await sshd.thaw()
    const said = await ran(place, known)
    assert.match(said, /node\/n1 (is Ready|unchanged, Ready)/)
    console.log(
      `bootstrap cut off ${cuts.process} times by kill -9 and ${cuts.connection} times in its connection`,
    )
    assert.match(await ran(place, known), /unchanged, Ready/)
    await until(async () => {
      const left = await node.run(['ls', '-A', '/var/lib/nsctl-program'])
      assert.not.match(left, /\.part-/)
    })
    home.write('it.yaml', SERVICE)
    await nsctl('apply', '-f', 'it.yaml')
    assert.is((await nsctl('wait', '--for=condition=Ready', 'service/it', '--timeout', '30s')).code, 0)
  }),
)

real('a user with sudo behind a jump host will do; what is upgraded runs on', () =>
  withPlace({}, async (place) => {
    const { node, sshd, address, words, home, nsctl, store } = place
    const gate = await startSshd({ authorizedKeys: `${sshd.keyFile}.pub` })
    const copy = mkdtempSync(join(tmpdir(), 'nsctl-newer-'))
    try {
      home.write('known', `[127.0.0.1]:${gate.port} ${gate.hostKey}\n${address} ${sshd.hostKey}\n`)
      const through = ['--jump', `root@127.0.0.1:${gate.port}`, '--known-hosts', 'known']
      const asTester = [...words(...through)].map((word) => word.replace(/^root@(?=\d)/, 'tester@'))
      asTester.splice(asTester.indexOf('--jump') + 1, 1, `root@127.0.0.1:${gate.port}`)
      const refused = await home.run(asTester)
      assert.is(refused.code, 3)
      assert.match(refused.stderr, /does not let us act as root: .*sudo/)
      await installSudo(node)
      assert.match(await ran(place, asTester), /joined as node n1[\s\S]*is Ready/)
      assert.match(gate.log(), /Accepted publickey for root/)

      home.write('it.yaml', SERVICE)
      await nsctl('apply', '-f', 'it.yaml')
      assert.is((await nsctl('wait', '--for=condition=Ready', 'service/it', '--timeout', '30s')).code, 0)
      const pidsOf = (unit: string) => node.run(['systemctl', 'show', '-p', 'MainPID', '--value', unit])
      const [programs, agent] = [await pidsOf('nsctl-*@*.service'), await pidsOf('nsctl-agent')]
      // another nsctl: the same Node, another content
      for (const name of ['bin', 'dist']) cpSync(join(root, name), join(copy, name), { recursive: true })
      mkdirSync(join(copy, 'node_modules'))
      symlinkSync(join(root, 'node_modules/node'), join(copy, 'node_modules/node'))
      writeFileSync(join(copy, 'dist/stamp'), 'newer')
      const newer = new Running(home, asTester, [join(copy, 'bin/nsctl')])
      assert.is(await newer.ended, 0, newer.output)
      assert.match(newer.output, /^sent nsctl-\S+ \(5\.\d MB\)\ninstalled[\s\S]*node\/n1 is Ready/)
      assert.is(await pidsOf('nsctl-*@*.service'), programs, 'programs run on')
      assert.is.not(await pidsOf('nsctl-agent'), agent)
      assert.is((await node.run(['ls', '-A', '/var/lib/nsctl-program'])).trim().split('\n').length, 3)

      // who has no rights on the machine has an agent of its own there
      const program = '/var/lib/nsctl-program/current/bin/nsctl'
      await node.run([program, 'down', '--store', store.replace(/\?.*/, '')])
      const token = (await nsctl('node', 'token', 'create', '--name', 'n2')).stdout
      const own = [
        'runuser',
        '-u',
        'tester',
        '--',
        'env',
        'XDG_RUNTIME_DIR=/run/user/1000',
        'HOME=/home/tester',
      ]
      await node.run(['loginctl', 'enable-linger', 'tester'])
      await until(async () =>
        assert.is((await node.exec(['test', '-e', '/run/user/1000/systemd/private'])).code, 0),
      )
      const agentWords = [...own, program, 'agent', '--runtime', 'systemd']
      const installed = await node.exec(
        [...agentWords, '--install', '--node', 'n2', '--join-token-file', '-'],
        {
          input: token,
        },
      )
      assert.is(installed.code, 0, installed.stderr)
      assert.match(installed.stdout, /started nsctl-agent.service \(user manager\)/)
      const again = await node.exec([...agentWords, '--install'])
      assert.match(again.stdout, /^nsctl-agent.service runs as it should \(node n2/, again.stderr)
      const removed = await node.exec([...agentWords, '--uninstall'])
      assert.match(removed.stdout, /removed \/home\/tester\/.config\/systemd\/user\/nsctl-agent.service/)
    } finally {
      await gate.kill()
      rmSync(copy, { recursive: true, force: true })
    }
  }),
)

real('where /etc is read-only the agent runs until the next boot, and it is said what to configure', () =>
  withPlace({ readOnlyEtc: true }, async (place) => {
    const { sshd, words } = place
    const known = words('--host-key', sshd.fingerprint)
    const said = await ran(place, known)
    assert.match(said, /installed \/run\/systemd\/system\/nsctl-agent.service/)
    assert.match(said, /it is there until the next boot: put into the configuration/)
    assert.match(await ran(place, known), /unchanged, Ready/)
  }),
)

test.run()
