/**
 * Consul's catalog, whole: a real Consul, a real daemon over it, programs that really listen, and DNS asked over UDP. What DNS says must
 * be what runs, whoever of them is killed.
 */
import { Resolver } from 'node:dns/promises'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { Running, until } from './processes.ts'

/** Answers with its pid; unready while a file says so; notes when it is told to end, and ends as a good server does. */
const PROGRAM = `
const { appendFileSync, existsSync } = require('node:fs')
const { createServer } = require('node:http')
const port = Number(process.env.PORT)
const server = createServer((request, response) => {
  if (request.url === '/healthz' && existsSync('unready-' + port)) response.statusCode = 503
  response.end(String(process.pid))
})
server.listen(port, process.env.HOST || '127.0.0.1')
process.on('SIGTERM', () => {
  appendFileSync('stops', port + ' ' + Date.now() + '\\n')
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
`

const manifest = (name: string, replicas: number, more = '') => `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: ${name}, labels: {tier: front}}
spec:
  replicas: ${replicas}
  template:
    source: {command: ["${process.execPath}", server.cjs]}
    ports: [{name: http}]
    readiness: {http: {path: /healthz, port: http}, period: 1s, failureThreshold: 1}
${more}`

const KILLS = 8

let cluster: ConsulCluster
let home: Home
let daemon: Running
let store: string

async function nsctl(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await home.run([...words, '--store', store])
  assert.is(code, 0, `${words.join(' ')}: ${stderr}`)
  return stdout
}

async function apply(text: string): Promise<void> {
  home.write('it.yaml', text)
  await nsctl('apply', '-f', 'it.yaml')
}

const up = () => new Running(home, ['up', '--runtime', 'process', '--store', store]).says(/is ready after/)

interface InstanceView {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly service: string }
  readonly status?: {
    readonly ready?: boolean
    readonly pid?: number
    readonly ports?: readonly { readonly port: number }[]
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly message?: string
    }[]
  }
}

async function instances(service = 'web', namespace = 'default'): Promise<readonly InstanceView[]> {
  const { items } = JSON.parse(await nsctl('get', 'instances', '-n', namespace, '-o', 'json'))
  return (items as readonly InstanceView[]).filter((one) => one.spec.service === service)
}

const portOf = (one: InstanceView | undefined) => one?.status?.ports?.[0]?.port ?? 0

function resolver(): Resolver {
  const dns = new Resolver({ timeout: 1_000 })
  dns.setServers([cluster.servers[0]!.dns])
  return dns
}

/** The ports that DNS gives, none where there is no such name. */
async function ports(service = 'web'): Promise<readonly number[]> {
  try {
    return (await resolver().resolveSrv(`${service}.service.consul`))
      .map(({ port }) => port)
      .sort((a, b) => a - b)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTFOUND') return []
    throw error
  }
}

/** DNS says exactly what `get` says, and there are so many. */
async function agree(count: number, limitMs = 20_000): Promise<readonly number[]> {
  return await until(async () => {
    const said = await ports()
    const ready = (await instances()).filter(({ status }) => status?.ready === true)
    assert.equal(
      said,
      ready.map(portOf).sort((a, b) => a - b),
    )
    assert.is(said.length, count)
    return said
  }, limitMs)
}

/** What the Consul agent itself has, by id. */
async function known(): Promise<readonly string[]> {
  const response = await fetch(`http://${cluster.servers[0]!.address}/v1/agent/services`)
  return Object.keys((await response.json()) as object)
}

async function pidAt(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2_000) })
  return Number(await response.text())
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startConsul({ dns: true })
    store = `consul://${cluster.servers[0]!.address}/catalog`
    home = createHome()
    home.write('server.cjs', PROGRAM)
    daemon = await up()
  })
  test.after(async () => {
    await daemon.stop('SIGKILL')
    await home.run(['down', '--store', store])
    await cluster.stop()
    home.remove()
  })

  test('what is ready answers as A and as SRV, and `get svc` says the same', async () => {
    await apply(manifest('web', 2))
    await nsctl('wait', '--for=condition=Ready', 'service/web', '--timeout', '30s')
    const [first = 0, second = 0] = await agree(2)
    assert.equal(await resolver().resolve4('web.service.consul'), ['127.0.0.1'])
    assert.not.equal(await pidAt(first), await pidAt(second))
    const said = await nsctl('get', 'svc', 'web')
    assert.ok(
      said.includes(`http://127.0.0.1:${first} +1`) || said.includes(`http://127.0.0.1:${second} +1`),
      said,
    )
    await nsctl('wait', '--for=condition=Registered', `instance/${(await instances())[0]?.metadata.name}`)
    const about = (await instances())[0]?.status?.conditions?.find(({ type }) => type === 'Registered')
    assert.match(String(about?.message), /^as web\.service\.consul in Consul at/, String(about?.message))
    assert.match(await nsctl('describe', 'service', 'web'), /web\.service\.consul/)
  })

  test('it follows scaling', async () => {
    // over UDP Consul gives three at a time, whatever there is
    await nsctl('scale', 'service', 'web', '--replicas', '3')
    await agree(3)
    await nsctl('scale', 'service', 'web', '--replicas', '2')
    await agree(2)
  })

  test('one whose readiness probe fails is not told of, and is again when it succeeds', async () => {
    const [sick = 0, well = 0] = await agree(2)
    writeFileSync(join(home.folder, `unready-${sick}`), '')
    await until(async () => assert.equal(await ports(), [well]))
    rmSync(join(home.folder, `unready-${sick}`))
    await agree(2)
  })

  test('a program that is killed is not told of until it runs again', async () => {
    const [port = 0] = await agree(2)
    const pid = await pidAt(port)
    process.kill(pid, 'SIGKILL')
    await until(async () => {
      const [again = 0] = await agree(2)
      assert.is.not(await pidAt(again), pid)
    })
  })

  test('without nsctl what runs is told of, and what died is not: Consul looks by itself', async () => {
    const [first = 0, second = 0] = await agree(2)
    await daemon.stop('SIGKILL')
    const sick = `unready-${first}`
    assert.equal(await ports(), [first, second])
    assert.ok((await pidAt(first)) > 0)
    writeFileSync(join(home.folder, sick), '')
    await until(async () => assert.equal(await ports(), [second]))
    rmSync(join(home.folder, sick))
    await until(async () => assert.equal(await ports(), [first, second]))
    const pid = await pidAt(second)
    daemon = await up()
    assert.equal(await agree(2), [first, second])
    assert.is(await pidAt(second), pid, 'nothing was started anew')
  })

  test('a Consul agent that lost what it knew of its services is told again', async () => {
    await agree(2)
    const { directory } = cluster.servers[0]!
    await cluster.servers[0]!.process.kill()
    for (const folder of ['services', 'checks', 'check_state'])
      rmSync(join(directory, folder), { recursive: true, force: true })
    await cluster.servers[0]!.restart()
    // its servers may tell of what was there for as long as the agent has not told them that it knows nothing
    await until(async () => assert.is((await known()).length, 2), 60_000)
    await agree(2)
  })

  test('in a rolling update no answer names what had been told to end when it was asked for', async () => {
    await agree(2)
    const stops = join(home.folder, 'stops')
    rmSync(stops, { force: true })
    const asked: { readonly atMs: number; readonly ports: readonly number[]; readonly failed: number }[] = []
    let asking = true
    const loop = (async () => {
      while (asking) {
        const atMs = Date.now()
        const said = await ports()
        const results = await Promise.allSettled(said.map(pidAt))
        asked.push({
          atMs,
          ports: said,
          failed: results.filter(({ status }) => status === 'rejected').length,
        })
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    try {
      for (const round of [1, 2, 3]) {
        await apply(manifest('web', 2, `    env: [{name: ROUND, value: "${round}"}]\n`))
        await nsctl('rollout', 'status', 'service/web', '--timeout', '60s')
      }
      await agree(2)
    } finally {
      asking = false
      await loop
    }
    const ended = readFileSync(stops, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number))
    assert.is(ended.length, 6)
    const late = asked.filter(({ atMs, ports: said }) =>
      ended.some(([port = 0, endedAtMs = 0]) => said.includes(port) && endedAtMs < atMs),
    )
    const empty = asked.filter(({ ports: said }) => said.length === 0)
    const answers = asked.reduce((sum, one) => sum + one.ports.length, 0)
    const failed = asked.reduce((sum, one) => sum + one.failed, 0)
    console.log(
      `asked ${asked.length} times, ${answers} addresses, ended when asked ${late.length}, none given ${empty.length}, requests failed ${failed}`,
    )
    assert.equal(late, [])
    assert.equal(empty, [])
    assert.ok(answers > 100, `${answers}`)
  })

  test('a daemon that is killed in the middle of rollouts leaves nothing behind', async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      await apply(manifest('web', 1 + (kill % 3), `    env: [{name: KILL, value: "${kill}"}]\n`))
      // into the registration of the new ones, the end of the old ones, and between
      await new Promise((resolve) => setTimeout(resolve, 50 + ((kill * 170) % 900)))
      await daemon.stop('SIGKILL')
      daemon = await up()
    }
    await apply(manifest('web', 2))
    await nsctl('rollout', 'status', 'service/web', '--timeout', '60s')
    await agree(2)
    assert.is((await known()).length, 2)
  })

  test('other namespaces, further ports, programs without a port and over IPv6 have their names', async () => {
    await nsctl('create', 'namespace', 'shop')
    home.write(
      'shop.yaml',
      `${manifest('web', 1, '    env: [{name: HOST, value: "::1"}]\n').replace('name: web,', 'name: web, namespace: shop,')}---
apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: worker}
spec: {template: {source: {command: [sleep, '1000']}}}
---
apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: two}
spec:
  template:
    source: {command: ["${process.execPath}", server.cjs]}
    ports: [{name: http}, {name: metrics}]
`,
    )
    await nsctl('apply', '-f', 'shop.yaml')
    await until(async () => {
      assert.equal(await resolver().resolve6('web--shop.service.consul'), ['::1'])
      assert.equal(await ports('web--shop'), (await instances('web', 'shop')).map(portOf))
      assert.equal(await ports('worker'), [0])
      const [two] = await instances('two')
      assert.equal(await ports('two'), [portOf(two)])
    })
    // nothing listens on its second port: Consul's check finds out, and the instance says so
    await until(async () => {
      assert.equal(await ports('two--default--metrics'), [])
      assert.match(await nsctl('get', 'instances', '-o', 'yaml'), /CheckFailing/)
    }, 30_000)
  })

  test('what a daemon ends with itself it takes out, and touches nothing of another store', async () => {
    const before = await agree(2)
    const other = createHome()
    const at = `consul://${cluster.servers[0]!.address}/other`
    const owner = new Running(other, ['up', '--own', '--runtime', 'process', '--store', at])
    try {
      await owner.says(/is ready after/)
      other.write('server.cjs', PROGRAM)
      other.write('it.yaml', manifest('brief', 1))
      const applied = await other.run(['apply', '-f', 'it.yaml', '--store', at])
      assert.is(applied.code, 0, applied.stderr)
      await until(async () => assert.is((await ports('brief')).length, 1))
      assert.is(await owner.stop(), 0)
      assert.equal(await ports('brief'), [])
      assert.equal(await ports(), before)
    } finally {
      await owner.stop('SIGKILL')
      other.remove()
    }
  })

  test('a store that moves out of Consul takes its registrations along, and what runs goes on', async () => {
    const [port = 0] = await agree(2)
    const pid = await pidAt(port)
    await daemon.stop()
    const gone = await nsctl('store', 'migrate', '--to', 'sqlite:moved.db')
    assert.match(gone, /took \d registrations out of Consul at /)
    assert.equal(await ports(), [])
    assert.is(await pidAt(port), pid)
    const back = await home.run(['store', 'migrate', '--store', 'sqlite:moved.db', '--to', store])
    assert.is(back.code, 0, back.stderr)
    daemon = await up()
    await agree(2)
    assert.is(await pidAt(port), pid)
  })

  test('deleting leaves nothing, and so does down', async () => {
    await nsctl('delete', 'service', 'two', 'worker')
    await until(async () => {
      for (const name of ['two', 'two--default--metrics', 'worker']) assert.equal(await ports(name), [])
    })
    await agree(2)
    const said = await nsctl('down')
    assert.match(said, /stopped the daemon \(pid \d+\)/)
    assert.match(said, /took 3 registrations out of Consul at /)
    assert.match(said, /ended every workload/)
    for (const name of ['web', 'web--shop']) assert.equal(await ports(name), [])
    assert.not(existsSync(join(home.state, 'process', 'store-url')))
    assert.equal(await known(), [])
  })
}

test.run()
