/** The contract of src/traffic/catalog.ts as tests, for every catalog. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Catalog, type CatalogEntry, checksText, clearCatalog } from '../../src/traffic/catalog.ts'

const signal = AbortSignal.timeout(120_000)

export function entry(id: string, more: Partial<CatalogEntry> = {}): CatalogEntry {
  return {
    id,
    service: 'web',
    address: '127.0.0.1',
    port: 20_011,
    tags: ['r1', 'http'],
    meta: { 'nsctl-instance': 'web-0', label_tier: 'ünïcode "quoted"' },
    checks: [{ kind: 'ttl', ttlMs: 60_000 }],
    ...more,
  }
}

function sorted(entries: Awaited<ReturnType<Catalog['list']>>) {
  return entries.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

const shown = ({ checks, ...facts }: CatalogEntry) => ({ ...facts, checks: checksText(checks) })

/** Registers the contract with uvu. `open` gives a catalog that is empty for this owner. */
export function catalogContract(name: string, open: (owner: string) => Catalog): void {
  let owners = 0
  const fresh = () => open(`owner-${owners++}`)
  const of = (what: string, run: (catalog: Catalog) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const catalog = fresh()
      try {
        await run(catalog)
      } finally {
        await clearCatalog(catalog, signal)
        catalog.close()
      }
    })

  of('lists what was registered, as it was registered', async (catalog) => {
    assert.equal(await catalog.list(signal), [])
    const all = [
      entry('nsctl.a.web-0'),
      entry('nsctl.a.web-0.metrics', { service: 'web--a--metrics', tags: [], meta: {} }),
      entry('nsctl.a.web-1', { address: '::1' }),
    ]
    for (const one of all) await catalog.register(one, signal)
    assert.equal(sorted(await catalog.list(signal)), all.map(shown))
  })

  of('an entry without a port has none', async (catalog) => {
    const { port: _, ...portless } = entry('nsctl.b.worker-0')
    await catalog.register(portless, signal)
    assert.equal(await catalog.list(signal), [shown(portless)])
  })

  of('registering again replaces the entry and its checks', async (catalog) => {
    const pace = { periodMs: 60_000, timeoutMs: 1_000, failureThreshold: 3 }
    await catalog.register(
      entry('nsctl.c.web-0', {
        checks: [
          { kind: 'tcp', host: '127.0.0.1', port: 1, ...pace },
          { kind: 'tcp', host: '127.0.0.1', port: 2, ...pace },
        ],
      }),
      signal,
    )
    const after = entry('nsctl.c.web-0', { port: 20_012, tags: ['r2'], meta: { other: 'x' } })
    await catalog.register(after, signal)
    assert.equal(await catalog.list(signal), [shown(after)])
  })

  of('deregistering ends one entry, and what is not there changes nothing', async (catalog) => {
    await catalog.register(entry('nsctl.d.web-0'), signal)
    await catalog.register(entry('nsctl.d.web-1'), signal)
    await catalog.deregister('nsctl.d.web-0', signal)
    await catalog.deregister('nsctl.d.web-0', signal)
    await catalog.deregister('nsctl.d.never', signal)
    assert.equal(
      (await catalog.list(signal)).map(({ id }) => id),
      ['nsctl.d.web-1'],
    )
  })

  of("neither lists nor ends another owner's", async (catalog) => {
    const other = fresh()
    await catalog.register(entry('nsctl.e.web-0'), signal)
    await other.register(entry('nsctl.e.web-1'), signal)
    await catalog.deregister('nsctl.e.web-1', signal)
    assert.equal(
      (await other.list(signal)).map(({ id }) => id),
      ['nsctl.e.web-1'],
    )
    assert.is(await clearCatalog(other, signal), 1)
    assert.equal(
      (await catalog.list(signal)).map(({ id }) => id),
      ['nsctl.e.web-0'],
    )
    other.close()
  })

  of('an id that two register is of the last', async (catalog) => {
    const other = fresh()
    await catalog.register(entry('nsctl.f.web-0'), signal)
    await other.register(entry('nsctl.f.web-0', { port: 1 }), signal)
    assert.equal(await catalog.list(signal), [])
    await catalog.deregister('nsctl.f.web-0', signal)
    assert.equal(
      (await other.list(signal)).map(({ port }) => port),
      [1],
    )
    await clearCatalog(other, signal)
    other.close()
  })

  of('renewing is possible for as long as it is there', async (catalog) => {
    await catalog.register(entry('nsctl.g.web-0'), signal)
    await catalog.renew('nsctl.g.web-0', signal)
    assert.is((await catalog.list(signal))[0]?.failing, undefined)
  })

  of('rejects with the reason of a signal that aborts', async (catalog) => {
    const reason = new Error('enough')
    const aborted = AbortSignal.abort(reason)
    for (const work of [
      catalog.list(aborted),
      catalog.register(entry('x'), aborted),
      catalog.deregister('x', aborted),
    ])
      assert.is(
        await work.then(
          () => undefined,
          (error) => error,
        ),
        reason,
      )
  })
}
