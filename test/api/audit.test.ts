import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openBench } from './support.ts'

test('records of one revision are told newest first by their time', async () => {
  const { api, store } = await openBench()
  const record = (at: string) => {
    const value = JSON.stringify({
      at,
      by: 'ada',
      verb: 'apply',
      objects: [{ kind: 'Service', name: 'web' }],
    })
    return { kind: 'put', key: `audit/${at}-x`, value } as const
  }
  const times = ['2026-11-20T18:00:00.000Z', '2026-11-20T18:00:01.000Z', '2026-11-20T18:00:02.000Z']
  // as an import writes what several commits of an engine share a revision for
  await store.commit([times.slice(0, 2).map(record), [record(times[2]!)]])
  assert.equal(
    (await api.audit()).map(({ at }) => at),
    times.toReversed(),
  )
})

test.run()
