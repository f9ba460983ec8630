/** HPA's published figures on four traces, from which those of all policies are reckoned. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { demandOf } from '../../../src/scaling/simulate/demand.ts'
import { hpaContender } from '../../../src/scaling/simulate/rivals.ts'
import { runPolicy } from '../../../src/scaling/simulate/run.ts'
import { neededReplicas, oracleReplicas, scoreOf } from '../../../src/scaling/simulate/score.ts'
import { parseTrace } from '../../../src/scaling/simulate/trace.ts'
import { sharedFolder } from '../../lab/shared.ts'

interface Slice {
  readonly name: string
  readonly start: string
  readonly warmupDays: number
  readonly evalDays: number
  readonly capacity: number
}

const TICK_MS = 15_000
const DAY_MS = 86_400_000
const folder = sharedFolder('datasets')
if (folder === undefined) console.log('skipping: needs traces, which $NSCTL_SHARED names')

test('HPA on a demand that stands still costs 10 sevenths of the oracle', () => {
  const trace = { startMs: 0, stepMs: 60_000, values: Array(600).fill(60 * 70) }
  const demand = demandOf(trace, { shape: 'linear', unit: 'perBin', tickMs: TICK_MS })
  const run = runPolicy(hpaContender(1), demand, { capacity: 1, startupMs: 30_000 })
  const oracle = oracleReplicas(neededReplicas(demand, 1, 1), 2)
  const { latePercent, costPercent } = scoreOf(run, demand, 1, oracle)
  assert.is(latePercent, 0)
  assert.ok(Math.abs(costPercent! - 1000 / 7) < 1, String(costPercent))
})

for (const [name, startupSeconds, late, cost] of [
  ['nasa_http_jul95', 30, 0.124, 156.4],
  ['nasa_http_jul95', 120, 0.321, 141.0],
  ['nab_elb_request_count', 30, 0.3, 169],
  ['nab_elb_request_count', 120, 4.16, 158],
  ['worldcup98', 30, 0, 135.9],
  ['worldcup98', 120, 0, 134.0],
  ['nab_nyc_taxi', 30, 0, 139],
] as const) {
  const title = `HPA on ${name}, ${startupSeconds} s to start: late ${late} %, cost ${cost} %`
  if (folder === undefined) test.skip(title, () => undefined)
  else
    test(title, () => {
      const slices = JSON.parse(
        readFileSync(join(folder, 'traces/manifest.json'), 'utf8'),
      ) as readonly Slice[]
      const slice = slices.find((one) => one.name === name)!
      const { capacity } = slice
      const text = readFileSync(join(folder, `traces/${name}.csv`), 'utf8')
      const fromMs = Date.parse(`${slice.start}Z`) + slice.warmupDays * DAY_MS
      const demand = demandOf(parseTrace(text, { source: name }), {
        ...{ shape: 'linear', unit: 'perBin', tickMs: TICK_MS, fromMs },
        toMs: fromMs + slice.evalDays * DAY_MS,
      })
      const startupMs = startupSeconds * 1000
      const oracle = oracleReplicas(neededReplicas(demand, capacity, 1), startupMs / TICK_MS)
      const run = runPolicy(hpaContender(capacity), demand, { capacity, startupMs })
      const score = scoreOf(run, demand, capacity, oracle)
      console.log(
        `${name} ${startupSeconds} s: late ${score.latePercent.toFixed(3)} %, cost ${score.costPercent?.toFixed(1)} %`,
      )
      assert.ok(Math.abs(score.latePercent - late) <= 0.05, `late ${score.latePercent}`)
      assert.ok(Math.abs(score.costPercent! / cost - 1) <= 0.02, `cost ${score.costPercent}`)
    })
}

test.run()
