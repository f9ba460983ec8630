import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Reading } from '../../../src/scaling/source.ts'
import { externalPush } from '../../../src/scaling/sources/external.ts'
import { canRunPythonScaler, startPythonScaler } from '../../lab/python-scaler.ts'
import { needs } from '../../parts.ts'
import { until } from './contract.ts'
import { sourceContext, triggerConfig } from './double.ts'

needs(
  test,
  canRunPythonScaler(),
  'Debian 12’s Python',
)('a scaler of another implementation is asked, and pushes', async () => {
  const scaler = await startPythonScaler()
  const metadata = { scalerAddress: scaler.address, target: '2.5' }
  const source = externalPush.open(triggerConfig({ type: 'external-push', metadata }), sourceContext())
  const values = (value: number) => ({
    kind: 'values',
    metrics: [{ name: 'file', value, target: 2.5 }],
    active: value > 0,
  })
  const stop = new AbortController()
  try {
    for (const value of [0, 7, 0.25]) {
      scaler.set(value)
      assert.equal(await source.measure(AbortSignal.timeout(5_000)), values(value))
    }
    const told: Reading[] = []
    const listening = source.listen?.((reading) => told.push(reading), stop.signal)
    await until(async () => told.length > 0)
    for (const value of [40, 0, 3]) {
      scaler.set(value)
      await until(async () => JSON.stringify(told.at(-1)) === JSON.stringify(values(value)))
    }
    stop.abort()
    await listening
  } finally {
    stop.abort()
    await source.close()
    await scaler.stop()
  }
})

test.run()
