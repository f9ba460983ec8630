/** The real daemon with the process runtime scales on what an HTTP server says, and on what is pushed to it. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { freePorts } from '../lab/servers.ts'
import { Running, until } from './processes.ts'

/** An address that says how much work waits. */
class Work {
  value = 0
  readonly #server: Server
  port = 0

  constructor() {
    this.#server = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ queue: { waiting: this.value } }))
    })
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    this.port = (this.#server.address() as AddressInfo).port
    return this
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }
}

interface Context {
  home: Home
  daemon: Running
  work: Work
}

const test = suite<Context>('scaling by the daemon')
test.before.each(async (context) => {
  context.home = createHome()
  context.work = await new Work().start()
})
test.after.each(async ({ home, daemon, work }) => {
  if (daemon?.child.exitCode === null) await daemon.stop('SIGKILL')
  await home.run(['down', '--purge'])
  await work.stop().catch(() => {})
  home.remove()
})

const SERVICE = `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: worker}
spec:
  replicas: 0
  template:
    source: {command: [sleep, '1000']}
`

async function start(context: Context, spec: string, flags: readonly string[] = []): Promise<void> {
  const { home } = context
  context.daemon = new Running(home, ['up', '--runtime', 'process', ...flags])
  await context.daemon.says(/is ready after/)
  home.write(
    'worker.yaml',
    `${SERVICE}---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: worker}\nspec:\n  scaleTargetRef: {name: worker}\n${spec}`,
  )
  const { code, stderr } = await home.run(['apply', '-f', 'worker.yaml'])
  assert.is(code, 0, stderr)
}

interface Shown {
  readonly spec: { readonly replicas: number }
  readonly status?: {
    readonly readyReplicas?: number
    readonly replicas?: number
    readonly summary?: string
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason: string
    }[]
  }
}

async function shown({ home }: Context, what: string): Promise<Shown> {
  const { stdout, stderr } = await home.run(['get', ...what.split('/'), '-o', 'json'])
  assert.ok(stdout !== '', stderr)
  return JSON.parse(stdout)
}

const running = (context: Context, count: number, limitMs?: number) =>
  until(async () => {
    const { spec, status } = await shown(context, 'service/worker')
    assert.is(spec.replicas, count)
    assert.is(status?.readyReplicas, count)
  }, limitMs)

const trigger = (port: number) => `  triggers:
    - type: metrics-api
      metadata: {url: "http://127.0.0.1:${port}/", valueLocation: queue.waiting, targetValue: "10"}
`

test('from none to as many as the work asks for, and back to none', async (context) => {
  await start(context, `  pollingInterval: 1\n  cooldownPeriod: 2\n${trigger(context.work.port)}`)
  await running(context, 0)
  context.work.value = 35
  await running(context, 4)
  const { status } = await shown(context, 'scaledobject/worker')
  assert.is(status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
  context.work.value = 0
  await running(context, 0)
  await until(async () => {
    const { stdout } = await context.home.run(['events', '--for', 'service/worker'])
    assert.match(stdout, /ScaledUp +.*0 → 4/)
    assert.match(stdout, /ScaledDown +.*4 → 0/)
  })
  // a manifest that says another number does not fight with it
  const { stdout: applied } = await context.home.run(['apply', '-f', 'worker.yaml'])
  assert.match(applied, /unchanged/)
})

test('a server that dies leads to the fallback, and its return out of it', async (context) => {
  const { work } = context
  work.value = 15
  const { port } = work
  await start(
    context,
    `  pollingInterval: 1\n  cooldownPeriod: 2\n  fallback: {failureThreshold: 2, replicas: 3}\n${trigger(port)}`,
  )
  await running(context, 2)
  await work.stop()
  await running(context, 3)
  const failing = await until(async () => {
    const { status } = await shown(context, 'scaledobject/worker')
    assert.is(status?.conditions?.find(({ type }) => type === 'Fallback')?.status, 'True')
    return status
  })
  assert.match(failing?.summary ?? '', /^TriggerError: metrics-api-0: .*ECONNREFUSED/)
  context.work = await new Work().start(port)
  context.work.value = 35
  await running(context, 4, 40_000)
})

test('an event on a webhook scales at once', async (context) => {
  const [port] = await freePorts(1)
  await start(
    context,
    `  pollingInterval: 600
  triggers:
    - {type: webhook, metadata: {path: worker, value: "1", ttl: 60s}}
`,
    ['--webhook-port', String(port)],
  )
  await until(async () => assert.is((await shown(context, 'scaledobject/worker')).status?.replicas, 0))
  const answer = await fetch(`http://127.0.0.1:${port}/hooks/worker`, {
    method: 'POST',
    body: JSON.stringify({ value: 2 }),
  })
  assert.ok(answer.ok, `${answer.status} ${await answer.text()}`)
  await running(context, 2, 5_000)
})

test.run()
