/** kill -9 of the daemon at each step of a canary, again and again: its successor goes on where it was, skips nothing and begins nothing anew. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Instance, Service } from '../../src/resources/generated/types.ts'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from '../daemon/processes.ts'

interface Context {
  home: Home
  prometheus: Server
  asked: { count: number }
  daemon: Running
}

const REPLICAS = 4
const KILLS_PER_STEP = 2
/** A pause that must be longer than a daemon takes to come up. */
const PAUSE = '3s'

const test = suite<Context>('rollout')

test.before.each(async (context) => {
  const asked = { count: 0 }
  const prometheus = createServer((_, response) => {
    asked.count++
    const result = [{ metric: {}, value: [0, '0'] }]
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }))
  })
  await new Promise<void>((resolve) => prometheus.listen(0, '127.0.0.1', resolve))
  Object.assign(context, { home: createHome(), prometheus, asked })
  context.daemon = await start(context.home)
})

test.after.each(async ({ home, prometheus, daemon }) => {
  if (daemon.child.exitCode === null) await daemon.stop('SIGKILL')
  await home.run(['down', '--purge'])
  home.remove()
  prometheus.close()
})

async function start(home: Home): Promise<Running> {
  return await new Running(home, ['up', '--runtime', 'process']).says(/is ready after/)
}

async function run(home: Home, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await home.run(words)
  assert.is(code, 0, `nsctl ${words.join(' ')}: ${stderr}`)
  return stdout
}

async function apply({ home, prometheus }: Context, version: string): Promise<void> {
  const { port } = prometheus.address() as AddressInfo
  home.write(
    'web.yaml',
    `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  replicas: ${REPLICAS}
  template:
    source: {command: [sh, -c, 'exec sleep 1000']}
    env: [{name: VERSION, value: "${version}"}]
  update:
    strategy: Canary
    canary:
      steps:
        - setWeight: 25
        - pause: {}
        - analysis:
            prometheus: {address: "http://127.0.0.1:${port}", query: errors}
            successCondition: result < 1
            interval: 700ms
            count: 3
        - setWeight: 50
        - pause: {duration: ${PAUSE}}
`,
  )
  await run(home, 'apply', '-f', 'web.yaml')
}

async function read(home: Home): Promise<Service> {
  return JSON.parse(await run(home, 'get', 'service/web', '-o', 'json')) as Service
}

/** Ready ones by version. */
async function versions(home: Home): Promise<Readonly<Record<string, number>>> {
  const { items } = JSON.parse(await run(home, 'get', 'instances', '-o', 'json')) as { items: Instance[] }
  const counts: Record<string, number> = {}
  for (const { spec, status } of items) {
    if (status?.ready !== true) continue
    const version = spec.template.env?.[0]?.value ?? '?'
    counts[version] = (counts[version] ?? 0) + 1
  }
  return counts
}

/** Waits for a step from which a successor is to go on, and has one do so, several times. */
async function killAt(
  context: Context,
  step: number,
  wanted: Readonly<Record<string, number>>,
): Promise<void> {
  const { home } = context
  for (let kill = 0; kill < KILLS_PER_STEP; kill++) {
    const before = await until(async () => {
      const { status } = await read(home)
      assert.is(status?.rollout?.step, step)
      return status?.rollout
    })
    assert.equal(await versions(home), wanted)
    await context.daemon.stop('SIGKILL')
    context.daemon = await start(home)
    const after = (await read(home)).status?.rollout
    assert.is(after?.hash, before?.hash)
    assert.ok((after?.step ?? 9) >= step, `it has gone back from step ${step} to ${after?.step}`)
    if (after?.step !== step) return
    assert.is(after.stepSince, before?.stepSince, 'it has begun the step anew')
  }
}

async function settled(home: Home, version: string): Promise<void> {
  await until(async () => {
    assert.equal(await versions(home), { [version]: REPLICAS })
    const { status } = await read(home)
    assert.is(status?.conditions?.find(({ type }) => type === 'Progressing')?.reason, 'Complete')
  }, 30_000)
}

test('a canary is gone through though nsctl is killed at each step', async (context) => {
  const { home, asked } = context
  await apply(context, '1')
  await settled(home, '1')
  await apply(context, '2')
  await killAt(context, 1, { 1: 3, 2: 1 })
  assert.is(asked.count, 0, 'it was measured before it was promoted')
  await run(home, 'rollout', 'promote', 'service/web')
  await killAt(context, 2, { 1: 3, 2: 1 })
  await killAt(context, 4, { 1: 2, 2: 2 })
  await settled(home, '2')
  assert.ok(asked.count >= 3, `measured ${asked.count} times`)
  assert.is((await read(home)).status?.rollout, undefined)
})

test('an abort that was ordered while nobody acted holds, and so does what came of it', async (context) => {
  const { home } = context
  await apply(context, '1')
  await settled(home, '1')
  await apply(context, '2')
  await killAt(context, 1, { 1: 3, 2: 1 })
  await context.daemon.stop('SIGKILL')
  await run(home, 'rollout', 'abort', 'service/web')
  context.daemon = await start(home)
  await until(async () => {
    const { status } = await read(home)
    assert.is(status?.conditions?.find(({ type }) => type === 'Degraded')?.reason, 'RolledBack')
    assert.equal(await versions(home), { 1: REPLICAS })
  })
  await context.daemon.stop('SIGKILL')
  context.daemon = await start(home)
  assert.equal(await versions(home), { 1: REPLICAS })
  await run(home, 'rollout', 'restart', 'service/web')
  await killAt(context, 1, { 1: 3, 2: 1 })
})

test.run()
