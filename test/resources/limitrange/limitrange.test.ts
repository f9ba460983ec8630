/** What LimitRanges give, what they forbid, and what they may not say themselves. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LimitRange, LimitRangeLimit, ServiceTemplate } from '../../../src/resources/generated/types.ts'
import { limitRangeConstraints } from '../../../src/resources/limitrange/constraints.ts'
import { filledLike, filledTemplate } from '../../../src/resources/limitrange/fill.ts'
import { rangeViolation } from '../../../src/resources/limitrange/violations.ts'

type Limit = Omit<LimitRangeLimit, 'type'>
type Asked = Pick<ServiceTemplate, 'resources' | 'limits'>

function range(limit: Limit, type: LimitRangeLimit['type'] = 'Program', name = 'small'): LimitRange {
  return {
    apiVersion: 'v',
    kind: 'LimitRange',
    metadata: { name },
    spec: { limits: [{ type, ...limit }] },
  } as LimitRange
}

const source = { command: ['true'] }
const single = (asked: Asked) => ({ source, ...asked }) as unknown as ServiceTemplate
const group = (...programs: readonly Asked[]) =>
  ({
    programs: programs.map((one, at) => ({ name: `p${at}`, source, ...one })),
  }) as unknown as ServiceTemplate
const asked = ({ resources, limits }: Asked) => ({
  ...(resources && { resources }),
  ...(limits && { limits }),
})

for (const c of [
  {
    name: 'default is the limit, and what is asked for where nothing else says',
    limit: { default: { cpu: '500m', memory: '128Mi' } },
    want: { resources: { cpu: '500m', memory: '128Mi' }, limits: { cpu: '500m' } },
  },
  {
    name: 'defaultRequest goes before default',
    limit: { default: { cpu: '1' }, defaultRequest: { cpu: '100m', memory: '64Mi' } },
    want: { resources: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1' } },
  },
  {
    name: 'defaultRequest alone sets no limit',
    limit: { defaultRequest: { cpu: '100m' } },
    want: { resources: { cpu: '100m' } },
  },
  {
    name: 'where there is a max, that is the limit',
    limit: { max: { cpu: '2', memory: '1Gi' } },
    want: { resources: { cpu: '2', memory: '1Gi' }, limits: { cpu: '2' } },
  },
  {
    name: 'where there is only a min, that is asked for',
    limit: { min: { cpu: '50m' } },
    want: { resources: { cpu: '50m' } },
  },
  {
    name: 'what is stated stays, and a limit is what is asked for',
    has: { limits: { cpu: '300m' } },
    limit: { default: { cpu: '1' }, defaultRequest: { cpu: '100m' } },
    want: { resources: { cpu: '300m' }, limits: { cpu: '300m' } },
  },
  {
    name: 'no limit is below what is asked for',
    has: { resources: { cpu: '2' } },
    limit: { default: { cpu: '1' } },
    want: { resources: { cpu: '2' }, limits: { cpu: '2' } },
  },
  {
    name: 'what is said of instances gives nothing',
    type: 'Instance' as const,
    limit: { max: { cpu: '2' } },
    want: {},
  },
] as readonly { name: string; has?: Asked; limit: Limit; type?: LimitRangeLimit['type']; want: Asked }[])
  test(c.name, () => {
    const before = single(c.has ?? {})
    const after = filledTemplate(before, [range(c.limit, c.type)])
    assert.equal(asked(after), c.want)
    assert.equal(
      asked(filledTemplate(after, [range(c.limit, c.type)])),
      c.want,
      'what is full stays as it is',
    )
    if (Object.keys(c.want).length === 0) assert.is(after, before)
  })

test('each program of a group is filled by itself, and the first LimitRange by name goes first', () => {
  const before = group({ resources: { cpu: '1' } }, {})
  const ranges = [
    range({ defaultRequest: { cpu: '3' } }, 'Program', 'z'),
    range({ defaultRequest: { cpu: '2' } }, 'Program', 'a'),
  ]
  assert.equal(
    filledTemplate(before, ranges).programs?.map(({ resources }) => resources?.cpu),
    ['1', '2'],
  )
})

test('what is made of a hash gets what others of it have, whatever holds by now', () => {
  const had = group({ resources: { cpu: '100m' } }, { limits: { cpu: '1' } })
  assert.equal(filledLike(group({}, {}), had).programs?.map(asked), had.programs?.map(asked))
  assert.equal(asked(filledLike(single({ resources: { cpu: '1' } }), single({}))), {})
})

for (const c of [
  {
    limit: { max: { memory: '1Gi' } },
    has: { resources: { memory: '2Gi' } },
    want: 'resources.memory 2Gi is more than the max of 1Gi',
  },
  {
    limit: { min: { cpu: '500m' } },
    has: { resources: { cpu: '100m' } },
    want: 'resources.cpu 100m is less than the min of 500m',
  },
  {
    limit: { max: { cpu: '1' } },
    has: { resources: { cpu: '2' }, limits: { cpu: '1' } },
    want: 'resources.cpu 2 is more than the max of 1',
  },
  {
    limit: { max: { cpu: '1' } },
    has: { limits: { cpu: '2' } },
    want: 'limits.cpu 2 is more than the max of 1',
  },
  { limit: { max: { cpu: '1' } }, has: {}, want: 'limits.cpu is not stated, and must be at most 1' },
  {
    limit: { maxLimitRequestRatio: { cpu: '2' } },
    has: { resources: { cpu: '100m' }, limits: { cpu: '300m' } },
    want: 'limits.cpu 300m is more than 2 times resources.cpu 100m',
  },
  {
    limit: { maxLimitRequestRatio: { cpu: '3' } },
    has: { resources: { cpu: '100m' }, limits: { cpu: '300m' } },
    want: undefined,
  },
  { limit: { max: { memory: '1Gi' } }, has: { resources: { memory: '1Gi' } }, want: undefined },
] as readonly { limit: Limit; has: Asked; want: string | undefined }[])
  test(`a program: ${c.want ?? 'at its limits'}`, () => {
    assert.is(rangeViolation(single(c.has), [range(c.limit)]), c.want && `limitrange/small: ${c.want}`)
  })

test('what is told to ask for less is what somebody wrote, not the limit that comes of it', () => {
  const ranges = [range({ default: { cpu: '50m' }, max: { cpu: '1' } })]
  const filled = filledTemplate(single({ resources: { cpu: '1500m' } }), ranges)
  assert.equal(asked(filled).limits, { cpu: '1500m' })
  assert.is(rangeViolation(filled, ranges), 'limitrange/small: resources.cpu 1500m is more than the max of 1')
})

test('of a group each program is named, and all together count for an instance', () => {
  const both = group({ resources: { memory: '600Mi' } }, { resources: { memory: '600Mi' } })
  assert.is(rangeViolation(both, [range({ max: { memory: '1Gi' } })]), undefined)
  assert.is(
    rangeViolation(both, [range({ max: { memory: '1Gi' } }, 'Instance')]),
    'limitrange/small: all programs together: resources.memory 1.2Gi is more than the max of 1Gi',
  )
  assert.is(
    rangeViolation(both, [range({ max: { memory: '500Mi' } })]),
    'limitrange/small: program p0: resources.memory 600Mi is more than the max of 500Mi',
  )
})

for (const c of [
  { limit: { min: { cpu: '2' }, max: { cpu: '1' } }, want: ['limits.0.min.cpu must be at most max, 1'] },
  {
    limit: { default: { memory: '2Gi' }, defaultRequest: { memory: '1Gi' } },
    want: [
      'limits.0.defaultRequest.memory must be that of default, 2Gi, or be left out: what is asked for is the limit',
    ],
  },
  {
    limit: { maxLimitRequestRatio: { cpu: '0.5' } },
    want: ['limits.0.maxLimitRequestRatio.cpu must be at least 1'],
  },
  {
    type: 'Instance' as const,
    limit: { default: { cpu: '1' } },
    want: ['limits.0.default is for type Program: an instance gets what its programs get'],
  },
  { limit: { min: { cpu: '1' }, default: { cpu: '2' }, max: { cpu: '2' } }, want: [] },
] as readonly { limit: Limit; type?: LimitRangeLimit['type']; want: readonly string[] }[])
  test(`constraints: ${c.want[0] ?? 'none'}`, () => {
    const issues = limitRangeConstraints(range(c.limit, c.type))
    assert.equal(
      issues.map(({ path, message }) => `${path.slice(1).join('.')} ${message}`),
      c.want,
    )
  })

test.run()
