/** Machines that join: controllers, agents and commands as people start them, over a Consul that refuses what is not allowed. */
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { type AclLab, reachOf, startAclLab } from '../store/consul/acl-lab.ts'
import { Running, until } from './processes.ts'

let lab: AclLab
let stores = 0

interface Place {
  readonly control: Home
  /** How the control plane opens the store. */
  readonly store: string
  readonly prefix: string
  readonly controller: Running
  readonly nsctl: (...words: readonly string[]) => Promise<string>
  readonly token: (...words: readonly string[]) => Promise<string>
  /** Starts an agent in a home of its own; `token` is written to a file for it. */
  readonly agent: (node: string, token?: string) => Running
  readonly homeOf: (node: string) => Home
  readonly membership: (
    node: string,
  ) => Record<string, never> & { readonly credential: { readonly CONSUL_HTTP_TOKEN: string } }
}

async function withPlace(run: (place: Place) => Promise<void>, nodeGrace = '60s'): Promise<void> {
  const control = createHome()
  const [running, homes]: [Running[], Map<string, Home>] = [[], new Map()]
  control.write('master', lab.master)
  const prefix = `joins/${stores++}`
  const plain = `consul://${lab.cluster.servers[0]!.address}/${prefix}`
  const store = `${plain}?token-file=${join(control.folder, 'master')}`
  const start = (home: Home, words: readonly string[]) => {
    const one = new Running(home, words)
    running.push(one)
    return one
  }
  const nsctl: Place['nsctl'] = async (...words) => {
    const { code, stdout, stderr } = await control.run([...words, '--store', store])
    assert.is(code, 0, `${words.join(' ')}: ${stderr}`)
    return stdout
  }
  const homeOf = (node: string) => {
    const home = homes.get(node) ?? createHome()
    homes.set(node, home)
    return home
  }
  try {
    const controller = start(control, [
      'controller',
      '--store',
      store,
      '--join-listen',
      '127.0.0.1:0',
      '--node-grace',
      nodeGrace,
    ])
    await controller.says(/machines can join at 127\.0\.0\.1:\d+/, 30_000)
    await run({
      ...{ control, store, prefix: `${prefix}/`, controller, nsctl, homeOf },
      token: (...words) => nsctl('node', 'token', 'create', ...words).then((text) => text.trim()),
      agent(node, token) {
        const home = homeOf(node)
        if (token !== undefined) home.write('token', `${token}\n`)
        const words = ['agent', '--runtime', 'process', '--node', node, '--store', plain]
        return start(home, token === undefined ? words : [...words, '--join-token-file', 'token'])
      },
      membership: (node) => JSON.parse(readFileSync(membershipOf(homeOf(node)), 'utf8')),
    })
  } catch (error) {
    for (const one of running) console.log(`── ${one.child.spawnargs.slice(1, 6).join(' ')}\n${one.output}`)
    throw error
  } finally {
    for (const one of running) await one.stop('SIGTERM')
    await control.run(['delete', 'services', '--all', '--store', store])
    for (const home of homes.values()) await home.run(['down', '--store', plain])
    for (const home of [control, ...homes.values()]) home.remove()
  }
}

const membershipOf = (home: Home) => join(home.state, 'process/membership.json')

const SERVICE = `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: it}
spec:
  replicas: 4
  placement: {strategy: spread}
  template: {source: {command: [sleep, '1000']}}
`

const CONFIGURED = `apiVersion: nsctl.dev/v1alpha1
kind: Config
metadata: {name: settings}
spec: {data: {greeting: hello}}
---
apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: configured}
spec:
  template:
    source: {command: [sleep, '1000']}
    env: [{name: GREETING, valueFrom: {configKeyRef: {name: settings, key: greeting}}}]
`

/** Told to end, it notes whether Consul's catalog names it still. */
const REGISTERED = `
const { appendFileSync } = require('node:fs')
const { createServer } = require('node:http')
const port = Number(process.env.PORT)
createServer((_, response) => response.end('here')).listen(port)
process.on('SIGTERM', async () => {
  const headers = { 'x-consul-token': process.env.CONSUL_TOKEN }
  const found = await (await fetch(process.env.CONSUL, { headers })).json()
  appendFileSync('stops', found.some(({ Service }) => Service.Port === port) + '\\n')
  process.exit(0)
})
`

const registeredService = () => `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  replicas: 4
  placement: {strategy: spread}
  template:
    source: {command: ["${process.execPath}", registered.cjs]}
    ports: [{name: http}]
    readiness: {http: {path: /, port: http}, period: 200ms}
    env:
      - {name: CONSUL, value: "http://${lab.cluster.servers[0]!.address}/v1/health/service/web?passing"}
      - {name: CONSUL_TOKEN, value: "${lab.master}"}
`

/** `n1 20001` of each instance that Consul names. */
async function inCatalog(token = lab.master): Promise<readonly string[]> {
  const { body } = await lab.raw(token, 'GET', 'health/service/web?passing')
  const found = JSON.parse(body) as readonly {
    readonly Node: { readonly Node: string }
    readonly Service: { readonly Port: number }
  }[]
  return found.map(({ Node, Service }) => `${Node.Node.replace(/^nsctl-[^-]+-/, '')} ${Service.Port}`).sort()
}

interface Instance {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly node: string }
  readonly status?: {
    readonly ready?: boolean
    readonly pid?: number
    readonly fencingToken?: number
    readonly ports?: readonly { readonly port: number }[]
  }
}

async function instancesOf({ nsctl }: Place): Promise<readonly Instance[]> {
  return (
    JSON.parse(await nsctl('get', 'instances', '-o', 'json')) as { readonly items: readonly Instance[] }
  ).items
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    lab = await startAclLab()
  })
  test.after(() => lab.cluster.stop())

  test('machines join, run what is placed on them, and reach nothing of each other', () =>
    withPlace(async (place) => {
      const { nsctl, control, token, agent, homeOf, membership, prefix } = place
      const [first, second] = [
        agent('n1', await token('--name', 'n1')),
        agent('n2', await token('--ttl', '5m')),
      ]
      await Promise.all([first, second].map((one) => one.says(/joined as node n\d[\s\S]*agent of node n\d/)))
      assert.is(statSync(membershipOf(homeOf('n1'))).mode & 0o777, 0o600)
      // an agent runs for long: with the flags of short commands its hash tables would have a seed that everybody knows
      const words = readFileSync(`/proc/${first.child.pid}/cmdline`, 'utf8').split('\0')
      assert.ok(words.includes('--max-opt=1') && !words.includes('--no-rehash-snapshot'), words.join(' '))
      control.write('it.yaml', SERVICE)
      await nsctl('apply', '-f', 'it.yaml')
      await nsctl('wait', '--for=condition=Ready', 'service/it', '--timeout', '30s')
      const instances = await instancesOf(place)
      assert.equal([...new Set(instances.map(({ spec }) => spec.node))].sort(), ['n1', 'n2'])
      assert.match(await nsctl('node', 'token', 'list'), /used up\s+n1\s.*\s1\/1\s+n1\n/)

      // whoever has what the disk of n1 holds
      const stolen = membership('n1').credential.CONSUL_HTTP_TOKEN
      const { body } = await lab.raw(lab.master, 'GET', `kv/${prefix}?keys`)
      const keys = JSON.parse(body) as readonly string[]
      const { readable, writable } = await reachOf(lab, stolen, keys)
      const shared = /\/(format|feed\/wide|feed\/head\/\d\d|data\/store\/layout)$/
      const own =
        /\/(node|event|lease\/node|feed\/scope|feed\/head\/node|feed\/log\/node|objstatus\/nsctl\.dev\/nodes\/_|obj\/nsctl\.dev\/nodes\/_)\/n1(\/|$)/
      assert.equal(
        readable.filter((key) => !own.test(key) && !shared.test(key)),
        [],
      )
      assert.equal(
        writable.filter(
          (key) => !own.test(key) || /\/node\/n1\/(instances|deliveries|volumes)\/|\/obj\//.test(key),
        ),
        [],
      )
      assert.ok(keys.some((key) => key.includes('/node/n2/instances/')))
      assert.ok(
        keys.some((key) => key.includes('/event/n1/')),
        'agents record events',
      )

      assert.match(await nsctl('get', 'events', '-o', 'json'), /"source": "agent n1"/)

      // it says no more of the token than its digest, and no process was given it in its arguments
      for (const one of [place.controller, first, second]) assert.not.match(one.output, stolen)
    }))

  test('what runs on machines that joined is read, entered and reached through their agents, and by no node', () =>
    withPlace(async (place) => {
      const { nsctl, control, token, agent, membership, store } = place
      const both = [agent('n1', await token()), agent('n2', await token())]
      await Promise.all(both.map((one) => one.says(/agent of node n\d/)))
      control.write('it.yaml', SERVICE.replace("[sleep, '1000']", "[sh, -c, 'echo begun; sleep 1000']"))
      await nsctl('apply', '-f', 'it.yaml')
      await nsctl('wait', '--for=condition=Ready', 'service/it', '--timeout', '30s')
      await until(async () =>
        assert.is((await nsctl('get', 'nodes', '-o', 'json')).match(/"listener"/g)?.length, 2),
      )
      const instances = await instancesOf(place)
      assert.equal([...new Set(instances.map(({ spec }) => spec.node))].sort(), ['n1', 'n2'])
      assert.is((await nsctl('logs', 'service/it', '--prefix')).match(/begun/g)?.length, instances.length)
      const exec = (name: string, env = {}) =>
        control.run(['exec', name, '--store', store, '--', 'sh', '-c', 'echo in; exit 3'], { env })
      for (const { metadata } of instances)
        assert.equal(await exec(metadata.name), { code: 3, stdout: 'in\n', stderr: '' })
      assert.match(await nsctl('events'), /Exec .* ran sh beside it/)

      // what the disk of n1 holds opens no node
      const { certificate, key, authority } = membership('n1') as unknown as Record<string, string>
      const stolen = join(control.folder, control.write('stolen', `${certificate}${key}${authority}`))
      chmodSync(stolen, 0o600)
      for (const { metadata } of instances) {
        const { code, stderr } = await exec(metadata.name, { NSCTL_NODE_ACCESS: stolen })
        assert.is(code, 3)
        assert.match(stderr, /a node’s certificate opens no other node/)
      }
      await both[0]!.stop('SIGTERM')
      await until(async () => {
        const [one] = instances.filter(({ spec }) => spec.node === 'n1')
        assert.match(
          (await exec(one!.metadata.name)).stderr,
          /node n1 cannot be called: its agent does not run/,
        )
      })
    }))

  test('what machines that joined run is in the catalog while it is ready, put there by the control plane alone', () =>
    withPlace(async (place) => {
      const { nsctl, control, token, agent, membership } = place
      const agents = [agent('n1', await token()), agent('n2', await token())]
      await Promise.all(agents.map((one) => one.says(/agent of node n\d/)))
      await nsctl('wait', '--for=condition=Ready', 'node/n1', 'node/n2', '--timeout', '30s')
      control.write('registered.cjs', REGISTERED)
      control.write('web.yaml', registeredService())
      await nsctl('apply', '-f', 'web.yaml')
      await nsctl('wait', '--for=condition=Ready', 'service/web', '--timeout', '30s')
      const ready = async () => {
        const instances = (await instancesOf(place)).filter(({ status }) => status?.ready === true)
        return instances.map(({ spec, status }) => `${spec.node} ${status?.ports?.[0]?.port}`).sort()
      }
      const agree = (nodes: readonly string[], limitMs?: number) =>
        until(async () => {
          const found = await inCatalog()
          assert.equal(found, await ready())
          assert.equal(
            found.map((one) => one.slice(0, 2)),
            nodes,
          )
          return found
        }, limitMs)
      const before = await agree(['n1', 'n1', 'n2', 'n2'])

      await nsctl('rollout', 'restart', 'service/web')
      await nsctl('rollout', 'status', 'service/web', '--timeout', '60s')
      const stops = () => readFileSync(join(control.folder, 'stops'), 'utf8').trim().split('\n')
      await until(async () => assert.equal(stops(), ['false', 'false', 'false', 'false']))
      const after = await agree(['n1', 'n1', 'n2', 'n2'])
      assert.equal(
        after.filter((one) => before.includes(one)),
        [],
      )

      // whoever has what the disk of n1 holds
      const stolen = membership('n1').credential.CONSUL_HTTP_TOKEN
      const { body } = await lab.raw(lab.master, 'GET', 'health/service/web')
      const [other] = JSON.parse(body).filter(({ Node }: { Node: { Node: string } }) =>
        /-n2$/.test(Node.Node),
      )
      const entry = { ID: 'x', Service: 'web', Address: '10.9.9.9', Port: 9 }
      for (const [path, said] of [
        ['catalog/register', { Node: other.Node.Node, Address: '10.9.9.9', Service: entry }],
        ['catalog/register', { Node: 'another', Address: '10.9.9.9', Service: entry }],
        ['catalog/deregister', { Node: other.Node.Node, ServiceID: other.Service.ID }],
        ['agent/service/register', { ID: 'x', Name: 'web', Address: '10.9.9.9', Port: 9 }],
      ] as const)
        assert.is((await lab.raw(stolen, 'PUT', path, said)).status, 403, path)
      assert.equal(await inCatalog(stolen), [])
      assert.equal(await inCatalog(), after)

      // what runs on a machine that is lost is told of no more, though it may run on
      await agents[1]!.stop('SIGKILL')
      await agree(['n1', 'n1', 'n1', 'n1'], 60_000)
      await until(async () => {
        const { body: nodes } = await lab.raw(lab.master, 'GET', 'catalog/nodes')
        assert.not.ok(nodes.includes(other.Node.Node))
      })
      // of the lost one nobody can say what has ended
      await nsctl('delete', 'service', 'web', '--wait=false')
      await until(async () => assert.equal(await inCatalog(), []))
      assert.not.ok(stops().includes('true'))
    }, '5s'))

  test('a token is good once, for its node, until it expires', () =>
    withPlace(async ({ token, agent, nsctl, control, store, homeOf }) => {
      const fails = async (node: string, text: string, said: RegExp) => {
        const one = agent(node, text)
        assert.not.equal(await one.ended, 0)
        assert.match(one.output, said)
        assert.not.ok(one.output.includes(text.slice(20, 60)))
      }
      const once = await token()
      const joined = agent('n1', once)
      await joined.says(/agent of node n1/)
      await fails('n2', once, /the join token was used already/)
      await fails('n1-too', await token('--name', 'n3'), /the join token is for node n3, not for n1-too/)
      await fails(
        'n4',
        `${once.slice(0, -8)}AAAAAAAA`,
        /is no join token|not the control plane|cannot be reached/,
      )
      const gone = await token()
      const [id] = /[0-9a-f]{10}(?=\s+good)/.exec(await nsctl('node', 'token', 'list')) ?? []
      // the newest of those that are good
      for (const one of (await nsctl('node', 'token', 'list')).matchAll(/^([0-9a-f]{10})\s+good/gm))
        await nsctl('node', 'token', 'delete', String(one[1]))
      assert.ok(id !== undefined)
      await fails('n5', gone, /the join token is not known/)
      const short = await token('--ttl', '1s')
      await new Promise((resolve) => setTimeout(resolve, 1_100))
      await fails('n6', short, /the join token has expired|is not known/)
      // another machine cannot take a node's name without a token for it
      homeOf('other').write('token', await token())
      const other = new Running(homeOf('other'), [
        'agent',
        '--runtime',
        'process',
        '--node',
        'n1',
        '--join-token-file',
        'token',
      ])
      assert.not.equal(await other.ended, 0)
      assert.match(other.output, /node\/n1 is there already/)
      for (const words of [
        ['--ttl', '0s'],
        ['--ttl', '8d'],
        ['--name', 'n1', '--uses', '2'],
      ]) {
        const { code } = await control.run(['node', 'token', 'create', ...words, '--store', store])
        assert.is(code, 2, words.join(' '))
      }
      // of many that ask at once with one token one is let in
      const race = await token()
      const racing = ['r1', 'r2', 'r3'].map((node) => agent(node, race))
      const outcomes = await Promise.all(
        racing.map((one) =>
          Promise.race([
            one.says(/agent of node/).then(
              () => 'in',
              () => 'out',
            ),
            one.ended.then(() => 'out'),
          ]),
        ),
      )
      assert.equal(outcomes.sort(), ['in', 'out', 'out'])
    }))

  test('an agent goes on without the control plane and without the store, and a deleted node is let in no more', () =>
    withPlace(async (place) => {
      const { nsctl, control, token, agent, membership, controller } = place
      const joined = agent('n1', await token())
      await joined.says(/agent of node n1/)
      control.write('it.yaml', SERVICE)
      await nsctl('apply', '-f', 'it.yaml')
      await nsctl('wait', '--for=condition=Ready', 'service/it', '--timeout', '30s')
      const before = await instancesOf(place)
      await controller.stop('SIGTERM')

      // a program that dies is started again by the agent alone
      const [victim] = before
      process.kill(victim?.status?.pid ?? 0, 'SIGKILL')
      await until(async () => {
        const now = (await instancesOf(place)).find(({ metadata }) => metadata.name === victim?.metadata.name)
        assert.ok(now?.status?.ready === true && now.status.pid !== victim?.status?.pid)
      })

      // started again without a token, while nobody answers for the store
      await joined.stop('SIGTERM')
      const running = (await instancesOf(place)).map(({ status }) => status?.pid ?? 0)
      await lab.cluster.servers[0]!.process.kill()
      const again = agent('n1')
      await again.says(/what runs goes on; waiting for the store/)
      for (const pid of running) assert.ok(process.kill(pid, 0))
      await lab.cluster.servers[0]!.restart()
      await again.says(/agent of node n1/, 30_000)
      for (const pid of running) assert.ok(process.kill(pid, 0), 'nothing was started anew')

      const credential = membership('n1').credential.CONSUL_HTTP_TOKEN
      const isGood = async () => (await lab.raw(credential, 'GET', `kv/${place.prefix}format`)).status === 200
      assert.ok(await isGood())
      await nsctl('delete', 'service', 'it')
      const next = new Running(control, [
        'controller',
        '--store',
        place.store,
        '--join-listen',
        '127.0.0.1:0',
      ])
      try {
        await next.says(/machines can join at/, 30_000)
        await until(async () => assert.is((await instancesOf(place)).length, 0), 30_000)
        await again.stop('SIGTERM')
        await nsctl('delete', 'node', 'n1')
        await until(async () => assert.not.ok(await isGood()), 40_000)
      } finally {
        await next.stop('SIGTERM')
      }
    }))

  test('a machine that is given up ends its agent and what that runs, also while the store is away', () =>
    withPlace(async (place) => {
      const { nsctl, control, token, agent, homeOf, store } = place
      const joined = agent('n1', await token())
      await joined.says(/agent of node n1/)
      control.write('it.yaml', `${SERVICE}---\n${CONFIGURED}`)
      await nsctl('apply', '-f', 'it.yaml')
      await nsctl('wait', '--for=condition=Ready', 'service/it', 'service/configured', '--timeout', '30s')
      const running = (await instancesOf(place)).map(({ status }) => status?.pid ?? 0)
      const [configured] = (await instancesOf(place)).filter(({ metadata }) =>
        metadata.name.startsWith('configured'),
      )
      const environment = readFileSync(`/proc/${configured?.status?.pid}/environ`, 'utf8')
      assert.match(environment, 'GREETING=hello', 'it was given what the control plane delivered to its node')
      const plain = store.replace(/\?.*/, '')
      await lab.cluster.servers[0]!.process.kill()
      const down = await homeOf('n1').run(['down', '--store', plain])
      await lab.cluster.servers[0]!.restart()
      assert.is(down.code, 0, down.stderr)
      assert.match(down.stdout, /stopped the agent \(pid \d+\)/)
      assert.match(down.stdout, /nsctl delete node n1, where the control plane is/)
      assert.is(await joined.ended, 0)
      for (const pid of running) assert.throws(() => process.kill(pid, 0), /ESRCH/)
      const again = agent('n1')
      assert.not.equal(await again.ended, 0)
      assert.match(again.output, /this machine has not joined/)
    }))

  test('a machine that joins again is the node that it was, with its data, and no token is spent on another name', () =>
    withPlace(async (place) => {
      const { nsctl, control, token, agent, homeOf, store } = place
      const joined = agent('n1', await token())
      await joined.says(/agent of node n1/)
      control.write(
        'kept.yaml',
        `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: kept}
spec:
  template: {source: {command: [sh, -c, 'echo $$ >>"$STORAGE_DATA/starts"; exec sleep 1000']}}
  storage: [{name: data, path: /var/lib/kept}]
`,
      )
      await nsctl('apply', '-f', 'kept.yaml')
      await nsctl('wait', '--for=condition=Ready', 'service/kept', '--timeout', '30s')
      const { state } = homeOf('n1')
      const [file = ''] = readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((one) =>
        one.endsWith('/starts'),
      )
      const starts = () => readFileSync(join(state, file), 'utf8').trim().split('\n')
      const before = starts()
      assert.is(before.length, 1)
      await joined.stop('SIGTERM')

      const home = homeOf('n1')
      const unspent = await token()
      home.write('token', `${unspent}\n`)
      const words = ['agent', '--runtime', 'process', '--store', store.replace(/\?.*/, '')]
      const withToken = [...words, '--join-token-file', 'token']
      const renamed = new Running(home, [...withToken, '--node', 'n9'])
      assert.is(await renamed.ended, 4)
      assert.match(renamed.output, 'this machine runs its programs as node n1, not n9')
      assert.not.match(await nsctl('get', 'nodes'), /n9/)

      await agent('n2', unspent).says(/agent of node n2/)

      home.write('token', `${await token('--name', 'n1')}\n`)
      const again = new Running(home, withToken)
      try {
        await again.says(/agent of node n1/, 30_000)
        await nsctl('rollout', 'restart', 'service/kept')
        await nsctl('rollout', 'status', 'service/kept', '--timeout', '30s')
        assert.equal(
          (await instancesOf(place)).map(({ spec }) => spec.node),
          ['n1'],
        )
        assert.is(starts().length, 2)
        assert.is(starts()[0], before[0], 'it has the data that it had')
      } finally {
        await again.stop('SIGTERM')
      }
    }))

  test('a machine that joined starts what is unique, which its own credential is enough for', () =>
    withPlace(async (place) => {
      const { nsctl, control, token, agent } = place
      await agent('n1', await token('--name', 'n1')).says(/agent of node n1/)
      control.write('one.yaml', `${SERVICE.replace('spec:', 'spec:\n  unique: true')}`)
      await nsctl('apply', '-f', 'one.yaml')
      await nsctl('wait', '--for=condition=Ready', 'service/it', '--timeout', '30s')
      const instances = await instancesOf(place)
      assert.ok(instances.length > 0)
      for (const { status } of instances) assert.ok((status?.fencingToken ?? 0) > Date.parse('2020-01-01'))
    }))

  test('where no machine can join it is said why', async () => {
    const home = createHome()
    try {
      const said = await home.run(['node', 'token', 'create', '--store', 'memory:'])
      assert.match(said.stderr, /no machine can join this store: a store of memory is on one machine/)
      const alone = await home.run(['agent', '--runtime', 'process'])
      assert.match(alone.stderr, /this machine has not joined/)
      const file = await home.run(['controller', '--join-listen', '127.0.0.1:0'])
      assert.is(file.code, 2)
      assert.match(file.stderr, /no machine can join this store: a store of sqlite is on one machine/)
      const etcd = await home.run(['agent', '--runtime', 'process', '--join-token-file', 'nowhere'])
      assert.is(etcd.code, 2)
    } finally {
      home.remove()
    }
  })
}

test.run()
