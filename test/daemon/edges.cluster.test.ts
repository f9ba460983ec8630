/** Two nodes over a real Consul, a real Caddy on one of them, and the end of the other without a word. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { type EdgeCaddy, startEdgeCaddy } from '../lab/caddy.ts'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs, freePorts } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { ask, startLoad } from '../traffic/load.ts'
import { Running, until } from './processes.ts'

const PROGRAM = `
require('node:http').createServer((request, response) => {
  request.resume()
  request.on('end', () => setTimeout(() => response.end(String(process.pid)), 3))
}).listen(Number(process.env.PORT), '0.0.0.0')
`

let consul: ConsulCluster
let caddy: EdgeCaddy
let listen: string
let store: string
const homes: Home[] = []
const daemons: Running[] = []

async function nsctl(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await homes[0]!.run([...words, '--store', store])
  assert.is(code, 0, `${words.join(' ')}: ${stderr}`)
  return stdout
}

const up = (home: Home, ...more: readonly string[]) =>
  new Running(home, ['up', '--runtime', 'process', '--store', store, ...more]).says(/is ready after/)

interface InstanceView {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly node: string }
  readonly status?: { readonly pid?: number; readonly ready?: boolean }
}

async function instances(): Promise<readonly InstanceView[]> {
  return JSON.parse(await nsctl('get', 'instances', '-o', 'json')).items
}

async function led(count: number, limitMs = 60_000): Promise<void> {
  await until(async () => {
    const said = await nsctl(
      'get',
      'routes',
      '-o',
      'jsonpath={.items[*].status.phase} {.items[*].status.backends}',
    )
    assert.is(said.trim(), `Led ${count}`)
  }, limitMs)
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    consul = await startConsul({})
    caddy = await startEdgeCaddy()
    store = `consul://${consul.servers[0]!.address}/edges`
    const [port] = await freePorts(1)
    listen = `127.0.0.1:${port}`
    for (const [name, address] of [
      ['alpha', '127.0.0.1'],
      ['beta', '127.0.0.2'],
    ] as const) {
      const home = createHome()
      homes.push(home)
      home.write('server.cjs', PROGRAM)
      const edge = name === 'alpha' ? ['--caddy-admin', caddy.adminUrl] : []
      daemons.push(await up(home, '--node', name, '--address', address, ...edge))
    }
  })
  test.after(async () => {
    for (const daemon of daemons) await daemon.stop('SIGKILL')
    for (const home of homes) await home.run(['down', '--store', store])
    await caddy.stop()
    await consul.stop()
    for (const home of homes) home.remove()
  })

  test('instances of both nodes are led to', async () => {
    homes[0]!.write(
      'web.yaml',
      `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  replicas: 4
  expose: {listen: "${listen}"}
  template:
    source: {command: ["${process.execPath}", "${homes[0]!.folder}/server.cjs"]}
    ports: [{name: http}]
    readiness: {http: {port: http}, period: 1s}
`,
    )
    await nsctl('apply', '-f', 'web.yaml')
    await led(4)
    assert.equal(new Set((await instances()).map(({ spec }) => spec.node)).size, 2)
    // Caddy looks who is there once a second, and chooses among them by chance
    const said = new Set<string>()
    await until(async () => {
      said.add((await ask(`http://${listen}`)).text)
      assert.is(said.size, 4)
    }, 10_000)
  })

  test('no request fails while instances of both nodes are replaced', async () => {
    const load = startLoad(`http://${listen}`)
    await nsctl('rollout', 'restart', 'svc/web')
    await nsctl('rollout', 'status', 'svc/web', '--timeout=90s')
    await led(4)
    const { requests, failed, slowestMs } = await load.stop()
    console.log(
      `rolling update over 2 nodes: ${requests} requests, failed ${JSON.stringify(failed)}, slowest ${slowestMs} ms`,
    )
    assert.equal(failed, {})
  })

  test('a node that ends without a word is led nothing within seconds, long before it is judged lost', async () => {
    const load = startLoad(`http://${listen}`)
    const gone = (await instances()).filter(({ spec }) => spec.node === 'beta')
    await daemons[1]!.stop('SIGKILL')
    for (const { status } of gone) process.kill(status?.pid ?? 0, 'SIGKILL')
    const startedMs = performance.now()
    await led(4 - gone.length, 12_000)
    const tookMs = Math.round(performance.now() - startedMs)
    const { requests, failed, slowestMs } = await load.stop()
    console.log(
      `node killed: out after ${tookMs} ms; ${requests} requests, failed ${JSON.stringify(failed)}, slowest ${slowestMs} ms`,
    )
    // what may have reached a program that was killed, and POST requests with a body that met the dead port
    assert.ok(Object.keys(failed).every((what) => what === '502'))
    const after = startLoad(`http://${listen}`)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    assert.equal((await after.stop()).failed, {})
  })
}

test.run()
