/** A real Caddy as a balancer: the contract, what others have configured there, and what goes wrong. */

import { connect as connectSecure } from 'node:http2'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { deepEqual } from '../../../src/core/json.ts'
import type { Balancer } from '../../../src/traffic/balancer.ts'
import { parseAdminUrl } from '../../../src/traffic/caddy/admin.ts'
import { openCaddy } from '../../../src/traffic/caddy/balancer.ts'
import { type EdgeCaddy, startEdgeCaddy } from '../../lab/caddy.ts'
import { canFetchDebs, freePorts } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { balancerContract, type OpenOptions, type Scene, withScene } from '../balancer-contract.ts'
import { ask, startLoad } from '../load.ts'

const signal = AbortSignal.timeout(300_000)
let caddy: EdgeCaddy

const openAt = (adminUrl: string) => (owner: string, options: OpenOptions) =>
  openCaddy({
    admin: parseAdminUrl(adminUrl),
    owner: { store: 's', node: owner },
    clock: systemClock,
    ...options,
  })
const open = (owner: string, options: OpenOptions): Balancer => openAt(caddy.adminUrl)(owner, options)
const scene = (run: (scene: Scene) => Promise<void>) => withScene(open, {}, run)

test.before(async () => {
  caddy = await startEdgeCaddy()
})
test.after(() => caddy.stop())

const real = needs(test, canFetchDebs(), "Debian's packages")

/** Configurations that Caddy has taken. */
const loads = () =>
  caddy.process.log().match(/"logger":"admin.api","msg":"received request","method":"POST"/g)?.length ?? 0

if (canFetchDebs()) balancerContract('Caddy', open)

real('a change of backends writes no configuration', () =>
  scene(async ({ balancer, url, backend, route }) => {
    const [a, b] = [await backend('a'), await backend('b')]
    await balancer.lead([route([a])], signal)
    const before = loads()
    for (let round = 0; round < 5; round++)
      await balancer.lead([route(round % 2 === 0 ? [b] : [a, b])], signal)
    assert.is(loads(), before)
    assert.is((await ask(url)).text, 'b')
  }),
)

real('what others have configured stays, and they may go on with it', async () => {
  const [port] = await freePorts(1)
  const foreign = {
    listen: [`127.0.0.1:${port}`],
    automatic_https: { disable: true },
    routes: [{ '@id': 'theirs', handle: [{ handler: 'static_response', body: 'theirs' }] }],
  }
  const own = await startEdgeCaddy({ apps: { http: { servers: { foreign } } } })
  try {
    const before = await own.config()
    await withScene(openAt(own.adminUrl), {}, async ({ balancer, url, backend, route }) => {
      const a = await backend('a')
      const shared = route([a], { id: 'shared', listen: `127.0.0.1:${port}`, hosts: ['web.example.org'] })
      await balancer.lead([route([a]), shared], signal)
      assert.is((await ask(url)).text, 'a')
      assert.is((await ask(`http://127.0.0.1:${port}`)).text, 'theirs')
      assert.is((await ask(`http://127.0.0.1:${port}`, { host: 'web.example.org' })).text, 'a')
      await balancer.lead([], signal)
      assert.is((await ask(`http://127.0.0.1:${port}`, { host: 'web.example.org' })).text, 'theirs')
    })
    const after = (await own.config()) as { apps: { http: { servers: Record<string, unknown> } } }
    assert.ok(deepEqual(after, before), JSON.stringify(after))
  } finally {
    await own.stop()
  }
})

real('a Caddy that forgot everything is told again, over a unix socket', async () => {
  const own = await startEdgeCaddy({ socket: true })
  try {
    await withScene(openAt(own.adminUrl), {}, async ({ balancer, url, backend, route }) => {
      const a = await backend('a')
      await balancer.lead([route([a])], signal)
      await own.restart()
      assert.is(
        await ask(url).then(
          ({ text }) => text,
          () => 'nothing',
        ),
        'nothing',
      )
      await new Promise((resolve) => setTimeout(resolve, 4_100))
      await balancer.lead([route([a])], signal)
      assert.is((await ask(url)).text, 'a')
    })
  } finally {
    await own.stop()
  }
})

real('a process that follows one that was killed finds everything as it is, and who only reads waits', () =>
  scene(async ({ balancer, url, backend, route }) => {
    const [a, b] = [await backend('a', 2), await backend('b', 2)]
    await balancer.lead([route([a, b])], signal)
    const load = startLoad(url, { posts: false })
    await balancer.close()
    const before = loads()
    const next = open(`owner-${new URL(url).port}`, {})
    try {
      await new Promise((resolve) => setTimeout(resolve, 300))
      await next.lead([route([b])], signal)
      assert.is(loads(), before)
      const taken = a.taken()
      await new Promise((resolve) => setTimeout(resolve, 200))
      assert.is(a.taken(), taken)
      const { failed, requests } = await load.stop()
      assert.equal(failed, {})
      assert.ok(requests > 100)
    } finally {
      await next.close()
    }
  }),
)

real('says what is wrong: nobody there, one that hangs, one that refuses', async () => {
  const [port] = await freePorts(1)
  const nobody = openAt(`http://127.0.0.1:${port}`)('x', {})
  const failure = async (balancer: Balancer, limit: AbortSignal) =>
    await balancer.lead([], limit).then(
      () => 'nothing',
      (error: Error) => error.message,
    )
  assert.match(await failure(nobody, signal), /^Caddy at 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/)
  await nobody.close()
  await scene(async ({ balancer, backend, route }) => {
    const a = await backend('a')
    const bad = route([a], { hosts: ['*.*.bad host'], tls: 'internal' })
    const said = await balancer.lead([route([a], { id: 'other' }), bad], signal).then(
      () => '',
      (error: Error) => error.message,
    )
    assert.match(said, /^other is not led: 127\.0\.0\.1:\d+ is with TLS for default\/web$/)
  })
  caddy.process.freeze()
  const limit = AbortSignal.timeout(500)
  const hung = open('hung', {})
  const reason = await hung.lead([], limit).catch((error: Error) => error.name)
  assert.is(reason, 'TimeoutError')
  caddy.process.thaw()
  await hung.close()
})

real('speaks TLS and HTTP/2 with a certificate of its own', () =>
  scene(async ({ balancer, url, backend, route }) => {
    const a = await backend('a')
    await balancer.lead([route([a], { hosts: ['web.example.test'], tls: 'internal' })], signal)
    const port = Number(new URL(url).port)
    const at = { host: '127.0.0.1', port, servername: 'web.example.test', rejectUnauthorized: false }
    const agent = new SecureAgent({ ...at })
    const said = await until(
      () =>
        new Promise<string>((resolve, reject) => {
          const sent = secureRequest({ ...at, agent, headers: { host: 'web.example.test' } }, (answer) =>
            answer.on('data', (data) => resolve(String(data))),
          )
          sent.once('error', reject)
          sent.end()
        }),
    )
    assert.is(said, 'a')
    agent.destroy()
    const session = connectSecure(`https://web.example.test:${port}`, {
      createConnection: undefined,
      host: '127.0.0.1',
      servername: 'web.example.test',
      rejectUnauthorized: false,
      lookup: (_: string, __: unknown, done: (e: null, list: unknown, family?: number) => void) =>
        done(null, [{ address: '127.0.0.1', family: 4 }]),
    } as never)
    const stream = session.request({ ':path': '/', ':authority': 'web.example.test' })
    const text = await new Promise<string>((resolve, reject) => {
      stream.on('data', (data) => resolve(String(data)))
      stream.once('error', reject)
      session.once('error', reject)
    })
    assert.is(text, 'a')
    session.close()
  }),
)

/** Certificates are made after the configuration was taken. */
async function until(run: () => Promise<string>): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

test.run()
