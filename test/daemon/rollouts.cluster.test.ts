/** A real daemon behind a real Caddy, under load: weights hold, and no request fails while a change goes out by steps, is taken back or moved over. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Service } from '../../src/resources/generated/types.ts'
import { createHome, type Home } from '../commands/nsctl.ts'
import { type EdgeCaddy, startEdgeCaddy } from '../lab/caddy.ts'
import { canFetchDebs, freePorts } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { ask, startLoad } from '../traffic/load.ts'
import { Running, until } from './processes.ts'

const PROGRAM = `
const { createServer } = require('node:http')
createServer((request, response) => {
  request.resume()
  request.on('end', () => setTimeout(() => response.end(process.env.VERSION), 3))
}).listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
`

const CANARY = `
    strategy: Canary
    canary:
      steps:
        - setWeight: 20
        - setCanaryScale: {replicas: 2}
        - pause: {}
        - setWeight: 50
        - pause: {}
`
const BLUE_GREEN = `
    strategy: BlueGreen
    blueGreen: {autoPromotionEnabled: false, scaleDownDelaySeconds: 3}
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

async function apply(version: string, update: string): Promise<void> {
  home.write(
    'it.yaml',
    `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  replicas: 4
  expose: {listen: "${listen}"}
  template:
    source: {command: ["${process.execPath}", server.cjs]}
    env: [{name: VERSION, value: ${version}}]
    ports: [{name: http}]
    readiness: {http: {port: http}, period: 1s}
  update:${update}`,
  )
  await nsctl('apply', '-f', 'it.yaml')
}

const read = async () => JSON.parse(await nsctl('get', 'svc', 'web', '-o', 'json')) as Service

async function at(step: number): Promise<void> {
  await until(async () => assert.is((await read()).status?.rollout?.step, step), 60_000)
}

/** How many of a hundred requests each version answers. */
async function parts(): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (let count = 0; count < 400; count++) {
    const { text } = await ask(`http://${listen}`)
    counts[text] = (counts[text] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).map(([version, count]) => [version, count / 4]))
}

/** Only these answer. */
async function answers(version: string): Promise<void> {
  await until(async () => assert.equal(Object.keys(await parts()), [version]), 60_000)
}

async function near(version: string, percent: number): Promise<number> {
  return await until(async () => {
    const part = (await parts())[version] ?? 0
    assert.ok(Math.abs(part - percent) <= 6, `${version} answers ${part} %, not ${percent} %`)
    return part
  }, 30_000)
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    caddy = await startEdgeCaddy()
    const [port] = await freePorts(1)
    listen = `127.0.0.1:${port}`
    home = createHome()
    home.write('server.cjs', PROGRAM)
    daemon = await new Running(home, [
      ...['up', '--runtime', 'process', '--caddy-admin', caddy.adminUrl],
    ]).says(/is ready after/)
    await apply('v1', CANARY)
    await answers('v1')
  })
  test.after(async () => {
    await daemon.stop('SIGKILL')
    await home.run(['down'])
    await caddy.stop()
    home.remove()
  })

  test('a canary gets its part of the requests, however many instances it has, and no request fails', async () => {
    const load = startLoad(`http://${listen}`, { clients: 6 })
    await apply('v2', CANARY)
    await at(2)
    const first = await near('v2', 20)
    await nsctl('rollout', 'promote', 'service/web')
    await at(4)
    const second = await near('v2', 50)
    await nsctl('rollout', 'promote', 'service/web')
    await answers('v2')
    const { requests, failed } = await load.stop()
    console.log(
      `20 % → ${first} %, 50 % → ${second} %: ${requests} requests, failed ${JSON.stringify(failed)}`,
    )
    assert.equal(failed, {})
  })

  test('a canary that is aborted is taken back, and no request fails', async () => {
    const load = startLoad(`http://${listen}`, { clients: 6 })
    await apply('v3', CANARY)
    await at(2)
    await nsctl('rollout', 'abort', 'service/web')
    await answers('v2')
    const { requests, failed } = await load.stop()
    console.log(`aborted: ${requests} requests, failed ${JSON.stringify(failed)}`)
    assert.equal(failed, {})
  })

  test('blue is moved over to green at once, and no request fails', async () => {
    const load = startLoad(`http://${listen}`, { clients: 6 })
    await apply('v4', BLUE_GREEN)
    await at(1)
    assert.equal(Object.keys(await parts()), ['v2'])
    await nsctl('rollout', 'promote', 'service/web')
    await answers('v4')
    await until(async () => assert.is((await read()).status?.rollout, undefined), 60_000)
    await answers('v4')
    const { requests, failed } = await load.stop()
    console.log(`blue → green: ${requests} requests, failed ${JSON.stringify(failed)}`)
    assert.equal(failed, {})
  })
}

test.run()
