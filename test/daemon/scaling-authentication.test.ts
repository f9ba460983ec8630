/** The real daemon logs in on behalf of a scaler, with what a TriggerAuthentication names in a sealed Secret. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'

const FIRST = 'planted-first-91c4'
const SECOND = 'planted-second-2b7e'

/** Answers who brings the token, and nobody else. */
class Guarded {
  token = FIRST
  readonly #server: Server = createServer((request, response) => {
    const isKnown = request.headers.authorization === `Bearer ${this.token}`
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isKnown ? { waiting: 25 } : { error: 'who are you?' }))
  })

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

interface Context {
  home: Home
  daemon: Running
  guarded: Guarded
}

const test = suite<Context>('a scaler that logs in')
test.before.each(async (context) => {
  context.home = createHome()
  context.guarded = new Guarded()
})
test.after.each(async ({ home, daemon, guarded }) => {
  if (daemon?.child.exitCode === null) await daemon.stop('SIGKILL')
  await home.run(['down', '--purge'])
  await guarded.stop()
  home.remove()
})

const manifest = (port: number) => `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: worker}
spec:
  replicas: 0
  template:
    source: {command: [sleep, '1000']}
    env: [{name: TARGET, value: "10"}]
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: guarded}
spec:
  secretTargetRef: [{parameter: bearerToken, name: guarded, key: token}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker}
spec:
  scaleTargetRef: {name: worker}
  pollingInterval: 1
  triggers:
    - type: metrics-api
      metadata: {url: "http://127.0.0.1:${port}/", valueLocation: waiting, targetValue: "10", authModes: bearer}
      authenticationRef: {name: guarded}
`

test('it waits for its Secret, scales, and logs in anew when the Secret changes', async (context) => {
  const { home, guarded } = context
  const port = await guarded.start()
  context.daemon = new Running(home, ['up', '--runtime', 'process'])
  await context.daemon.says(/is ready after/)
  const ok = async (words: readonly string[], stdin?: string) => {
    const { code, stdout, stderr } = await home.run(words, stdin === undefined ? {} : { stdin })
    assert.is(code, 0, stderr)
    return stdout
  }
  const out = async (line: string) => ok(line.split(' '))
  home.write('worker.yaml', manifest(port))
  await out('apply -f worker.yaml')
  const summary = (what: string, wanted: RegExp) =>
    until(async () => assert.match(await out(`get ${what} -o jsonpath={.status.summary}`), wanted))
  await summary('ta guarded', /^secret\/guarded is not there/)
  await summary(
    'so worker',
    /AuthenticationFailed.*parameter bearerToken: there is no Secret default\/guarded/,
  )

  home.write('token', FIRST)
  await out('create secret generic guarded --from-file token=token')
  const replicas = (count: string) =>
    until(async () => assert.is(await out('get service worker -o jsonpath={.spec.replicas}'), count), 20_000)
  await replicas('3')
  await summary('ta guarded', /^$/)
  assert.match(await out('get ta guarded'), /guarded +guarded +worker /)

  guarded.token = SECOND
  await summary('so worker', /401/)
  await ok(['secret', 'rotate', 'guarded', '--from-file', 'token=-'], SECOND)
  await summary('so worker', /^$/)

  const said = await Promise.all([
    out('get so,ta,svc,events -o yaml'),
    out('describe so worker'),
    out('store export -'),
  ])
  for (const text of [...said, context.daemon.output])
    for (const secret of [FIRST, SECOND]) assert.not.match(text, secret)
})

test.run()
