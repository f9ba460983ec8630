/** HPA's documented cases of resource metrics: facts of replica_calculator_test.go (Kubernetes), told anew. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { proposeFromInstances } from '../../../src/scaling/decide/instances.ts'
import type { InstanceFacts } from '../../../src/scaling/decision.ts'
import { START } from './scene.ts'

const MINUTE = 60_000
/** Beyond the first five minutes of cpu, and within them. */
const COOL = START - 6 * MINUTE
const HOT = START - 4 * MINUTE

type Sort = 'ready' | 'unready' | 'hot' | 'hot-unready' | 'pending' | 'failed' | 'ending'

interface Case {
  readonly name: string
  readonly current: number
  /** What becomes of it; a text where it cannot be said. */
  readonly want: number | string
  /** All ready where left out. */
  readonly sorts?: readonly Sort[]
  /** By instance; fewer than instances: the rest has no samples. */
  readonly levels: readonly number[]
  readonly requests?: readonly number[]
  readonly target: number
  readonly type?: 'Utilization' | 'AverageValue'
  /** Other than cpu: the first minutes do not matter. */
  readonly memory?: true
  readonly instances?: number
}

const PLAIN = { type: 'AverageValue', memory: true } as const

const CASES: readonly Case[] = [
  { name: 'grows', current: 3, want: 5, levels: [300, 500, 700], target: 30 },
  {
    name: 'grows less for one that is not ready',
    current: 3,
    want: 4,
    sorts: ['unready', 'ready', 'ready'],
    levels: [300, 500, 700],
    target: 30,
  },
  {
    name: 'grows less for one that is starting',
    current: 3,
    want: 4,
    sorts: ['hot', 'ready', 'ready'],
    levels: [300, 500, 700],
    target: 30,
  },
  {
    name: 'does not grow where most are not ready',
    current: 3,
    want: 3,
    sorts: ['ready', 'unready', 'unready'],
    levels: [400, 500, 700],
    target: 30,
  },
  {
    name: 'does not grow where most are starting',
    current: 3,
    want: 3,
    sorts: ['ready', 'hot-unready', 'hot-unready'],
    levels: [400, 500, 700],
    target: 30,
  },
  {
    name: 'ignores what failed on the way up',
    current: 2,
    want: 4,
    sorts: ['ready', 'ready', 'failed', 'failed'],
    levels: [500, 700],
    target: 30,
  },
  {
    name: 'ignores what is ending on the way up',
    current: 2,
    want: 4,
    sorts: ['ready', 'ready', 'ending', 'ending'],
    levels: [500, 700],
    target: 30,
  },
  { name: 'shrinks', current: 5, want: 3, levels: [100, 300, 500, 250, 250], target: 50 },
  {
    name: 'leaves out what is not ready on the way down',
    current: 5,
    want: 2,
    sorts: ['ready', 'ready', 'ready', 'unready', 'unready'],
    levels: [100, 300, 500, 250, 250],
    target: 50,
  },
  {
    name: 'leaves out what is not placed yet on the way down',
    current: 5,
    want: 1,
    sorts: ['ready', 'pending', 'pending', 'pending', 'pending'],
    levels: [100],
    target: 50,
  },
  {
    name: 'leaves out what is starting on the way down',
    current: 5,
    want: 2,
    sorts: ['ready', 'ready', 'ready', 'hot', 'hot'],
    levels: [100, 300, 500, 250, 250],
    target: 50,
  },
  {
    name: 'ignores what failed on the way down',
    current: 5,
    want: 3,
    sorts: ['ready', 'ready', 'ready', 'ready', 'ready', 'failed', 'failed'],
    levels: [100, 300, 500, 250, 250],
    target: 50,
  },
  {
    name: 'ignores what is ending on the way down, with samples of its own',
    current: 5,
    want: 3,
    sorts: ['ready', 'ready', 'ready', 'ready', 'ready', 'ending', 'ending'],
    levels: [100, 300, 500, 250, 250, 900, 900],
    target: 50,
  },
  {
    name: 'stays within tolerance',
    current: 3,
    want: 3,
    levels: [1010, 1030, 1020],
    requests: [900, 1000, 1100],
    target: 100,
  },
  {
    name: 'ignores samples of what is not there',
    current: 4,
    want: 24,
    levels: [4000, 9500, 3000, 7000, 3200, 2000],
    target: 100,
    instances: 4,
  },
  {
    name: 'takes what has no sample for full on the way down',
    current: 4,
    want: 3,
    levels: [400, 95],
    target: 100,
    instances: 4,
  },
  {
    name: 'says that there is no sample',
    current: 4,
    want: 'no instance that is ready has a sample',
    levels: [],
    target: 100,
    instances: 3,
  },
  {
    name: 'says that there is no instance',
    current: 1,
    want: 'there are no instances to measure',
    levels: [100],
    target: 100,
    instances: 0,
  },
  {
    name: 'says that nothing is asked for',
    current: 1,
    want: 'web-0 asks for no cpu: set resources, or use AverageValue',
    levels: [200],
    requests: [Number.NaN],
    target: 100,
  },
  {
    name: 'stays with one sample missing, on target',
    current: 2,
    want: 2,
    levels: [1000],
    target: 100,
    instances: 2,
  },
  {
    name: 'stays with one sample missing, above it',
    current: 2,
    want: 2,
    levels: [1900],
    target: 100,
    instances: 2,
  },
  {
    name: 'stays with one sample missing, below it',
    current: 2,
    want: 2,
    levels: [600],
    target: 100,
    instances: 2,
  },
  {
    name: 'stays with one unready and one missing',
    current: 3,
    want: 3,
    sorts: ['unready', 'ready', 'ready'],
    levels: [100, 450],
    target: 50,
  },
  {
    name: 'stays with one starting and one missing',
    current: 3,
    want: 3,
    sorts: ['hot', 'ready', 'ready'],
    levels: [100, 450],
    target: 50,
  },
  {
    name: 'grows with one unready and one missing',
    current: 3,
    want: 4,
    sorts: ['unready', 'ready', 'ready'],
    levels: [100, 2000],
    target: 50,
  },
  {
    name: 'grows with one starting and one missing',
    current: 3,
    want: 4,
    sorts: ['hot-unready', 'ready', 'ready'],
    levels: [100, 2000],
    target: 50,
  },
  {
    name: 'shrinks with one unready and one missing',
    current: 4,
    want: 3,
    sorts: ['unready', 'ready', 'ready', 'ready'],
    levels: [100, 100, 100],
    target: 50,
  },
  {
    name: 'takes what has no sample for its target where that is above 100 %',
    current: 4,
    want: 2,
    sorts: ['unready', 'ready', 'ready', 'ready'],
    levels: [200, 100, 100],
    requests: [1000, 1000, 2000, 2000],
    target: 300,
  },
  {
    name: 'does not grow on a small number while an update has one more',
    current: 2,
    want: 2,
    levels: [100, 100],
    target: 50,
    instances: 3,
  },
  {
    name: 'does not grow on a small mean while an update has one more',
    current: 2,
    want: 2,
    levels: [10_000, 10_000],
    target: 17_000,
    instances: 3,
    ...PLAIN,
  },
  {
    name: 'shrinks from just beyond the tolerance',
    current: 10,
    want: 9,
    levels: Array<number>(10).fill(150),
    requests: [400, 200, 310, 290, 302, 298, 301, 299, 300, 300],
    target: 56,
  },
  {
    name: 'stays just within the tolerance',
    current: 10,
    want: 10,
    levels: Array<number>(10).fill(150),
    requests: [400, 200, 310, 290, 302, 298, 301, 299, 300, 300],
    target: 55,
  },
  {
    name: 'grows by a mean',
    current: 3,
    want: 4,
    levels: [20_000, 10_000, 30_000],
    target: 15_000,
    ...PLAIN,
  },
  {
    name: 'counts what is starting where it is not cpu',
    current: 3,
    want: 6,
    sorts: ['ready', 'ready', 'hot-unready'],
    levels: [50_000, 10_000, 30_000],
    target: 15_000,
    ...PLAIN,
  },
  {
    name: 'counts several that are starting where it is not cpu',
    current: 3,
    want: 7,
    sorts: ['hot-unready', 'ready', 'hot-unready'],
    levels: [50_000, 15_000, 30_000],
    target: 15_000,
    ...PLAIN,
  },
  {
    name: 'shrinks by a mean',
    current: 5,
    want: 3,
    levels: Array<number>(5).fill(12_000),
    target: 20_000,
    ...PLAIN,
  },
  {
    name: 'stays within tolerance of a mean',
    current: 3,
    want: 3,
    levels: [20_000, 21_000, 21_000],
    target: 20_000,
    ...PLAIN,
  },
  {
    name: 'stays with samples missing, with the mean on target',
    current: 5,
    want: 5,
    levels: [20_000, 19_000, 21_000],
    target: 20_000,
    instances: 5,
    ...PLAIN,
  },
]

function instance(index: number, sort: Sort, request: number): InstanceFacts {
  const isHot = sort === 'hot' || sort === 'hot-unready'
  const startedMs = isHot ? HOT : COOL
  return {
    name: `web-${index}`,
    phase: sort === 'pending' ? 'pending' : sort === 'failed' ? 'failed' : 'running',
    deleting: sort === 'ending',
    ready: sort === 'ready' || sort === 'hot',
    startedMs,
    // the sample of one that is starting reaches back before it was ready
    readyChangedMs: sort === 'hot' ? START : startedMs,
    request: Number.isNaN(request) ? {} : { cpu: request, memory: request },
  }
}

for (const { name, current, want, sorts, levels, requests, target, type, memory, instances } of CASES)
  test(`proposeFromInstances ${name}`, () => {
    const count = instances ?? sorts?.length ?? requests?.length ?? levels.length
    const found = proposeFromInstances(
      {
        samples: levels.map((value, index) => ({
          instance: `web-${index}`,
          value,
          atMs: START,
          windowMs: 30_000,
        })),
        target,
        isUtilization: type !== 'AverageValue',
        resource: memory ? 'memory' : 'cpu',
        isCpu: !memory,
      },
      {
        nowMs: START,
        current,
        instances: Array.from({ length: count }, (_, index) =>
          instance(index, sorts?.[index] ?? 'ready', requests?.[index] ?? 1000),
        ),
        tolerance: { up: 0.1, down: 0.1 },
      },
    )
    assert.is('error' in found ? found.error : found.replicas, want)
  })

/** Which of HPA's groups one instance is in. Times are seconds ago. */
for (const { name, want, ...times } of [
  {
    name: 'without a start',
    startedS: undefined,
    changedS: 0,
    ready: true,
    sampledS: 0,
    windowS: 1,
    want: 'starting',
  },
  {
    name: 'without readiness',
    startedS: 1,
    changedS: undefined,
    ready: false,
    sampledS: 0,
    windowS: 1,
    want: 'starting',
  },
  {
    name: 'early, with a fresh sample',
    startedS: 60,
    changedS: 30,
    ready: true,
    sampledS: 0,
    windowS: 30,
    want: 'counted',
  },
  {
    name: 'early, with a sample from before',
    startedS: 60,
    changedS: 30,
    ready: true,
    sampledS: 0,
    windowS: 60,
    want: 'starting',
  },
  {
    name: 'early, not ready',
    startedS: 60,
    changedS: 50,
    ready: false,
    sampledS: 0,
    windowS: 1,
    want: 'starting',
  },
  {
    name: 'later, with an old sample',
    startedS: 301,
    changedS: 301,
    ready: true,
    sampledS: 290,
    windowS: 60,
    want: 'counted',
  },
  {
    name: 'later, not ready and never was',
    startedS: 600,
    changedS: 571,
    ready: false,
    sampledS: 0,
    windowS: 1,
    want: 'starting',
  },
  {
    name: 'later, not ready and once was',
    startedS: 600,
    changedS: 540,
    ready: false,
    sampledS: 0,
    windowS: 1,
    want: 'counted',
  },
])
  test(`an instance ${name} is ${want}`, () => {
    const ago = (seconds: number | undefined) => (seconds === undefined ? undefined : START - seconds * 1000)
    const { startedS, changedS, ready, sampledS, windowS } = times
    const one = instance(0, 'ready', 1000)
    const found = proposeFromInstances(
      {
        samples: [{ instance: 'web-0', value: 500, atMs: START - sampledS * 1000, windowMs: windowS * 1000 }],
        target: 50,
        isUtilization: true,
        resource: 'cpu',
        isCpu: true,
      },
      {
        nowMs: START,
        current: 1,
        instances: [{ ...one, startedMs: ago(startedS), readyChangedMs: ago(changedS), ready }],
        tolerance: { up: 0.1, down: 0.1 },
      },
    )
    assert.is('error' in found ? 'starting' : 'counted', want)
  })

test.run()
