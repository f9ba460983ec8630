/**
 * A real daemon that leads requests through a real Caddy: no request fails while everything behind it is replaced, whoever comes over which
 * connection, with which method; and what else an exposed Service promises.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { type EdgeCaddy, startEdgeCaddy } from '../lab/caddy.ts'
import { canFetchDebs, freePorts } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { ask, startLoad } from '../traffic/load.ts'
import { Running, until } from './processes.ts'

/** A server that ends at once when it is told to, as many do: whoever it is in the middle of is cut off. */
const PROGRAM = `
const { appendFileSync } = require('node:fs')
const { createServer } = require('node:http')
let busy = 0
createServer((request, response) => {
  busy++
  response.on('close', () => busy--)
  request.resume()
  request.on('end', () => setTimeout(() => response.end(process.env.VERSION + ' ' + process.pid), request.url === '/slow' ? 1500 : 3))
}).listen(Number(process.env.PORT), process.env.HOST || '127.0.0.1')
process.on('SIGTERM', () => {
  appendFileSync('stops', busy + '\\n')
  process.exit(0)
})
`

let caddy: EdgeCaddy
let home: Home
let daemon: Running
let listen: string

async function nsctl(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await home.run(words)
  assert.is(code, 0, `${words.join(' ')}: ${stderr}`)
  return stdout
}

interface Manifest {
  readonly version: string
  readonly replicas?: number
  readonly more?: string
  readonly expose?: string
}

async function apply({ version, replicas = 3, more = '', expose = '' }: Manifest): Promise<void> {
  home.write(
    'it.yaml',
    `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  replicas: ${replicas}
  expose: {listen: "${listen}"${expose}}
  template:
    source: {command: ["${process.execPath}", server.cjs]}
    env: [{name: VERSION, value: ${version}}${more}]
    ports: [{name: http}]
    readiness: {http: {port: http}, period: 1s}
`,
  )
  await nsctl('apply', '-f', 'it.yaml')
}

interface ServiceView {
  readonly status?: {
    readonly url?: string
    readonly ready?: string
    readonly updatedReplicas?: number
    readonly replicas?: number
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly message?: string
      readonly reason?: string
    }[]
  }
}

const service = async (): Promise<ServiceView> => JSON.parse(await nsctl('get', 'svc', 'web', '-o', 'json'))
const exposed = (view: ServiceView) => view.status?.conditions?.find(({ type }) => type === 'Exposed')

/** All that is wanted runs, nothing else does, and that is led. */
async function settled(replicas: number, limitMs = 90_000): Promise<ServiceView> {
  return await until(async () => {
    const view = await service()
    assert.is(view.status?.ready, `${replicas}/${replicas}`)
    assert.is(view.status?.replicas, replicas)
    assert.is(view.status?.updatedReplicas, replicas)
    assert.is(exposed(view)?.status, 'True', exposed(view)?.message)
    assert.match(exposed(view)?.message ?? '', `leads to ${replicas} instance`)
    return view
  }, limitMs)
}

const up = () =>
  new Running(home, ['up', '--runtime', 'process', '--caddy-admin', caddy.adminUrl]).says(/is ready after/)
/** What the programs were in the middle of when they were told to end. */
const stops = () => readFileSync(join(home.folder, 'stops'), 'utf8').trim().split('\n').map(Number)
const url = () => `http://${listen}`

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    caddy = await startEdgeCaddy()
    const [port] = await freePorts(1)
    listen = `127.0.0.1:${port}`
    home = createHome()
    home.write('server.cjs', PROGRAM)
    home.write('stops', '')
    daemon = await up()
  })
  test.after(async () => {
    await daemon.stop('SIGKILL')
    await home.run(['down'])
    await caddy.stop()
    home.remove()
  })

  test('an exposed Service is led to, and says where', async () => {
    await apply({ version: 'v1' })
    const view = await settled(3)
    assert.is(view.status?.url, url())
    const said = new Set<string>()
    for (let count = 0; count < 30; count++) said.add((await ask(url())).text)
    assert.is(said.size, 3)
    assert.match(await nsctl('get', 'routes'), /web.*Led/)
  })

  test('no request fails while all instances are replaced', async () => {
    const load = startLoad(url())
    const startedMs = performance.now()
    for (const version of ['v2', 'v3', 'v4']) {
      await apply({ version })
      await settled(3)
      assert.match((await ask(url())).text, version)
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    const { requests, failed, slowestMs } = await load.stop()
    const retried = caddy.process.log().match(/"upstream roundtrip".*"error":/g)?.length ?? 0
    console.log(
      `3 rolling updates of 3 instances in ${seconds} s: ${requests} requests, failed ${JSON.stringify(failed)}, slowest ${slowestMs} ms, retried by Caddy ${retried}`,
    )
    assert.equal(failed, {})
    assert.ok(requests > 1_000)
  })

  test('no request fails while it is scaled', async () => {
    const load = startLoad(url())
    for (const replicas of [6, 1, 3]) {
      await nsctl('scale', 'svc/web', `--replicas=${replicas}`)
      await settled(replicas)
    }
    const { requests, failed } = await load.stop()
    console.log(`3 → 6 → 1 → 3: ${requests} requests, failed ${JSON.stringify(failed)}`)
    assert.equal(failed, {})
  })

  test('what an instance is in the middle of is finished before it is told to end', async () => {
    const before = stops().length
    const slow = Array.from({ length: 9 }, () => ask(`${url()}/slow`, { method: 'POST', body: 'x' }))
    await new Promise((resolve) => setTimeout(resolve, 200))
    await nsctl('rollout', 'restart', 'svc/web')
    for (const answer of await Promise.all(slow)) assert.is(answer.status, 200)
    await settled(3)
    assert.equal(stops().slice(before), [0, 0, 0])
  })

  test('an agent that is killed and comes back goes on, and requests wait for it, whatever the method', async () => {
    const load = startLoad(url())
    await daemon.stop('SIGKILL')
    daemon = await up()
    await settled(3)
    const { requests, failed, slowestMs } = await load.stop()
    console.log(
      `agent killed: ${requests} requests, failed ${JSON.stringify(failed)}, slowest ${slowestMs} ms`,
    )
    assert.equal(failed, {})
  })

  test('an agent that is stopped has Caddy lead on without it', async () => {
    await daemon.stop('SIGTERM')
    for (let count = 0; count < 10; count++) {
      assert.is((await ask(url(), { method: 'POST', body: 'x' })).status, 200)
    }
    daemon = await up()
    await settled(3)
  })

  test('a Caddy that is away is said, stops nothing, and is told again', async () => {
    const address = new URL(caddy.adminUrl).host
    await caddy.process.kill()
    await until(async () => {
      const said = exposed(await service())
      assert.is(said?.reason, 'Unreachable')
      assert.match(said?.message ?? '', `Caddy at ${address} cannot be reached`)
    }, 30_000)
    await apply({ version: 'v5' })
    await until(async () => assert.is((await service()).status?.updatedReplicas, 3), 60_000)
    await caddy.restart()
    await settled(3)
    assert.match((await ask(url())).text, /^v5/)
  })

  test('a program that listens on IPv6 only is led to', async () => {
    await apply({ version: 'v6', more: ', {name: HOST, value: "::1"}' })
    await until(async () => assert.match((await ask(url())).text, /^v6/), 60_000)
  })

  test('a service without a trigger that sees requests sleeps, wakes and stays awake by them alone', async () => {
    home.write(
      'scaler.yaml',
      `apiVersion: nsctl.dev/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 0
  maxReplicaCount: 2
  pollingInterval: 2
  cooldownPeriod: 1
  triggers: [{type: memory, metricType: AverageValue, metadata: {value: 10Gi}}]
`,
    )
    await nsctl('apply', '-f', 'scaler.yaml')
    await until(async () => assert.is((await service()).status?.replicas, 0), 90_000)
    const startedMs = performance.now()
    assert.is((await ask(url(), { method: 'POST', body: 'x' })).status, 200)
    const tookMs = Math.round(performance.now() - startedMs)
    console.log(`0 → 1 by requests alone: answered after ${tookMs} ms`)
    assert.match(await nsctl('scaler', 'explain', 'web'), /requests come in through \S+, so 1 at least/)
    // longer than everything that could end it
    for (let second = 0; second < 40; second++) {
      assert.is((await ask(url())).status, 200)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      assert.ok(((await service()).status?.replicas ?? 0) > 0, `after ${second} s`)
    }
    await until(async () => assert.is((await service()).status?.replicas, 0), 60_000)
    await nsctl('delete', 'scaledobject/web')
    await apply({ version: 'v6' })
    await settled(3)
  })

  test('a service that sleeps answers its first request, whatever the method', async () => {
    const config = (await caddy.config()) as { apps: { http: { servers: Record<string, unknown> } } }
    const [server = ''] = Object.keys(config.apps.http.servers)
    home.write(
      'scaler.yaml',
      `apiVersion: nsctl.dev/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 0
  maxReplicaCount: 2
  pollingInterval: 20
  cooldownPeriod: 1
  triggers:
    - type: metrics-api
      metadata: {url: "${caddy.adminUrl}/metrics", format: prometheus, valueLocation: 'caddy_http_requests_in_flight{handler="reverse_proxy",server="${server}"}', targetValue: "100"}
`,
    )
    await nsctl('apply', '-f', 'scaler.yaml')
    await until(async () => assert.is((await service()).status?.replicas, 0), 90_000)
    const startedMs = performance.now()
    const waiting = [1, 2, 3, 4, 5].map((index) =>
      ask(url(), index % 2 === 0 ? {} : { method: 'POST', body: 'x' }),
    )
    const first = await Promise.race(waiting)
    const tookMs = Math.round(performance.now() - startedMs)
    const answers = await Promise.all(waiting)
    console.log(`0 → 1: the first of 5 requests was answered after ${tookMs} ms`)
    assert.is(first.status, 200)
    for (const { status } of answers) assert.is(status, 200)
    // what waits has the scaler look at once, whenever it would have looked
    assert.ok(tookMs < 10_000)
    await nsctl('delete', 'scaledobject/web')
  })

  test('what is not exposed any more is led no more', async () => {
    await apply({ version: 'v7' })
    await settled(3)
    await nsctl('patch', 'svc/web', '--type', 'merge', '-p', '{"spec":{"expose":null}}')
    await until(async () => {
      const answer = await ask(url()).then(
        ({ text }) => text,
        () => 'nothing',
      )
      assert.is(answer, 'nothing')
    })
    assert.is(exposed(await service()), undefined)
    await apply({ version: 'v7' })
    await settled(3)
    await nsctl('delete', 'svc/web')
    await until(async () =>
      assert.is(
        await ask(url()).then(
          ({ text }) => text,
          () => 'nothing',
        ),
        'nothing',
      ),
    )
  })

  test('what is ended with nsctl down is led no more', async () => {
    await apply({ version: 'v8' })
    await settled(3)
    await daemon.stop('SIGTERM')
    assert.match((await ask(url())).text, /^v8/)
    const said = await nsctl('down')
    assert.match(said, `took all routes out of Caddy at ${new URL(caddy.adminUrl).host}`)
    const answer = await ask(url()).then(
      ({ text }) => text,
      () => 'nothing',
    )
    assert.is(answer, 'nothing')
  })
}

test.run()
