/** The contract of src/traffic/balancer.ts as tests, for every balancer. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend, Balancer, BalancerEvents, Route } from '../../src/traffic/balancer.ts'
import { freePorts } from '../lab/servers.ts'
import { ask, startBackend, startLoad, type TestBackend } from './load.ts'

const signal = AbortSignal.timeout(300_000)

export interface Scene {
  readonly balancer: Balancer
  /** Where the route listens. */
  readonly url: string
  backend(name: string, delayMs?: number, host?: string): Promise<TestBackend>
  route(backends: readonly TestBackend[], more?: Partial<Route>): Route
}

export interface OpenOptions extends BalancerEvents {
  readonly maxHeld?: number
  readonly holdMs?: number
}

/** A port of its own, and backends that go with it. */
export async function withScene(
  open: (owner: string, options: OpenOptions) => Balancer,
  options: OpenOptions,
  run: (scene: Scene) => Promise<void>,
): Promise<void> {
  const [port] = await freePorts(1)
  const listen = `127.0.0.1:${port}`
  const balancer = open(`owner-${port}`, options)
  const backends: TestBackend[] = []
  try {
    await run({
      balancer,
      url: `http://${listen}`,
      async backend(name, delayMs, host) {
        const made = await startBackend(name, delayMs, host)
        backends.push(made)
        return made
      },
      route: (list, more) => ({
        id: 'default/web',
        hosts: [],
        path: '/',
        listen,
        tls: 'off',
        affinity: 'none',
        backends: list.map(({ backend }): Backend => backend),
        ...more,
      }),
    })
  } finally {
    await balancer.lead([], signal).catch(() => {})
    await balancer.close()
    await Promise.all(backends.map((one) => one.stop()))
  }
}

/** Registers the contract with uvu. */
export function balancerContract(
  name: string,
  open: (owner: string, options: OpenOptions) => Balancer,
): void {
  const of = (what: string, run: (scene: Scene) => Promise<void>, options: OpenOptions = {}) =>
    test(`${name}: ${what}`, () => withScene(open, options, run))

  of('leads to all backends, over IPv4 and IPv6', async ({ balancer, url, backend, route }) => {
    const all = [await backend('a'), await backend('b', 0, '::1')]
    await balancer.lead([route(all)], signal)
    const said = new Set<string>()
    for (let count = 0; count < 20; count++) said.add((await ask(url)).text)
    assert.equal([...said].sort(), ['a', 'b'])
  })

  const asked: string[] = []
  of(
    'requests are told of while they come in, and not where none do',
    async ({ balancer, url, backend, route }) => {
      const others = route([await backend('b')], { id: 'default/other', path: '/other' })
      await balancer.lead([route([await backend('a')]), others], signal)
      await ask(url)
      await ask(url)
      assert.ok(asked.length > 0)
      assert.equal([...new Set(asked)], ['default/web'])
      asked.length = 0
      await new Promise((resolve) => setTimeout(resolve, 2_500))
      assert.equal(asked, [])
      await balancer.lead([route([]), others], signal)
      const gone = new AbortController()
      const waiting = fetch(url, { signal: gone.signal }).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      gone.abort()
      await waiting
      assert.equal([...new Set(asked)], ['default/web'], 'one that waits is one, too')
    },
    { onRequests: (id) => void asked.push(id) },
  )

  of('leads in proportion to weights', async ({ balancer, url, backend, route }) => {
    const [a, b] = [await backend('a'), await backend('b')]
    const weighed = (list: readonly (readonly [TestBackend, number])[]) =>
      route([], { backends: list.map(([{ backend: one }, weight]) => ({ ...one, weight })) })
    await balancer.lead(
      [
        weighed([
          [a, 90],
          [b, 10],
        ]),
      ],
      signal,
    )
    for (let count = 0; count < 200; count++) await ask(url)
    assert.ok(Math.abs(b.taken() - 20) <= 8, `${b.taken()} of 200 instead of 20`)
    await balancer.lead(
      [
        weighed([
          [a, 0],
          [b, 10],
        ]),
      ],
      signal,
    )
    const before = a.taken()
    for (let count = 0; count < 20; count++) await ask(url)
    assert.is(a.taken(), before)
  })

  of(
    'a backend that is taken out is asked nothing more, and nobody notices',
    async ({ balancer, url, backend, route }) => {
      const all = [await backend('a', 2), await backend('b', 2), await backend('c', 2), await backend('d', 2)]
      await balancer.lead([route(all)], signal)
      const load = startLoad(url)
      for (let round = 0; round < 8; round++) {
        const out = all[round % 4]!
        await balancer.lead([route(all.filter((one) => one !== out))], signal)
        const taken = out.taken()
        await new Promise((resolve) => setTimeout(resolve, 100))
        assert.is(out.taken(), taken, `round ${round}`)
      }
      const { requests, failed } = await load.stop()
      assert.equal(failed, {})
      assert.ok(requests > 500, `${requests} requests`)
    },
  )

  of('passes over a backend that is dead, whatever the method', async ({ balancer, url, backend, route }) => {
    const [a, dead] = [await backend('a'), await backend('dead')]
    await balancer.lead([route([a, dead])], signal)
    await dead.stop()
    for (let count = 0; count < 10; count++) {
      assert.is((await ask(url)).text, 'a')
      assert.is((await ask(url, { method: 'POST' })).text, 'a')
    }
  })

  of('leads by host and path, the more specific first', async ({ balancer, url, backend, route }) => {
    const [any, host, wild, api] = [
      await backend('any'),
      await backend('host'),
      await backend('wild'),
      await backend('api'),
    ]
    const at = (id: string, one: TestBackend, more: Partial<Route>) => route([one], { id, ...more })
    await balancer.lead(
      [
        at('any', any, {}),
        at('wild', wild, { hosts: ['*.example.org'] }),
        at('host', host, { hosts: ['web.example.org'] }),
        at('api', api, { hosts: ['web.example.org'], path: '/api' }),
      ],
      signal,
    )
    const led = async (name: string | undefined, path: string) =>
      (await ask(`${url}${path}`, name === undefined ? {} : { host: name })).text
    assert.is(await led('web.example.org', '/'), 'host')
    assert.is(await led('web.example.org', '/api'), 'api')
    assert.is(await led('web.example.org', '/api/x?y=1'), 'api')
    assert.is(await led('web.example.org', '/apis'), 'host')
    assert.is(await led('other.example.org', '/api'), 'wild')
    assert.is(await led('else.where', '/api'), 'any')
  })

  of('keeps a client at its backend where it is asked to', async ({ balancer, url, backend, route }) => {
    const all = [await backend('a'), await backend('b'), await backend('c')]
    await balancer.lead([route(all, { affinity: 'cookie' })], signal)
    const first = await ask(url)
    const cookie = String(first.headers['set-cookie']?.[0]).split(';')[0]!
    for (let count = 0; count < 10; count++)
      assert.is((await ask(url, { headers: { cookie } })).text, first.text)
    await balancer.lead(
      [
        route(
          all.filter(({ name: one }) => one !== first.text),
          { affinity: 'cookie' },
        ),
      ],
      signal,
    )
    assert.is.not((await ask(url, { headers: { cookie } })).text, first.text)
    await balancer.lead([route(all, { affinity: 'ip' })], signal)
    const said = new Set<string>()
    for (let count = 0; count < 10; count++) said.add((await ask(url)).text)
    assert.is(said.size, 1)
  })

  let held = 0
  of(
    'holds a request until there is a backend, and so many of them',
    async ({ balancer, url, backend, route }) => {
      await balancer.lead([route([])], signal)
      const waiting = Array.from({ length: 3 }, (_, index) =>
        ask(url, index === 0 ? {} : { method: 'POST', body: `${index}` }),
      )
      while (held < 3) await new Promise((resolve) => setTimeout(resolve, 10))
      const beyond = await ask(url)
      assert.is(beyond.status, 503)
      assert.is(beyond.headers['retry-after'], '1')
      const a = await backend('a')
      await balancer.lead([route([a])], signal)
      assert.equal((await Promise.all(waiting)).map(({ text }) => text).sort(), ['a', 'a 1', 'a 2'])
      assert.is((await ask(url)).text, 'a')
    },
    { maxHeld: 3, onHeld: () => held++ },
  )

  of(
    'holds a request for so long',
    async ({ balancer, url, route }) => {
      await balancer.lead([route([])], signal)
      assert.is((await ask(url, { method: 'POST', body: 'x' })).status, 503)
    },
    { holdMs: 300 },
  )

  of('what nobody wants any more is led no longer', async ({ balancer, url, backend, route }) => {
    await balancer.lead([route([await backend('a')])], signal)
    assert.is((await ask(url)).text, 'a')
    await balancer.lead([], signal)
    const after = await ask(url).then(
      ({ text }) => text,
      () => 'nothing',
    )
    assert.is.not(after, 'a')
  })

  of('leads on without this process once it was handed over', async ({ balancer, url, backend, route }) => {
    await balancer.lead([route([await backend('a'), await backend('b')])], signal)
    await balancer.handOver(signal)
    await balancer.close()
    const said = new Set<string>()
    for (let count = 0; count < 20; count++) said.add((await ask(url, { method: 'POST', body: 'x' })).text)
    assert.equal([...said].sort(), ['a x', 'b x'])
  })
}
