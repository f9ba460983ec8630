import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { serviceWarnings } from '../../../src/resources/service/warnings.ts'

const exec = { command: ['up'] }

for (const c of [
  { name: 'no startup probe', template: {}, update: { progressDeadline: '1s' }, want: [] },
  {
    name: 'one that ends before the deadline',
    template: { startup: { exec, period: '2s', failureThreshold: 30 } },
    update: {},
    want: [],
  },
  {
    name: 'one that takes longer',
    template: { startup: { exec, initialDelay: '10s', period: '10s', failureThreshold: 30 } },
    update: { progressDeadline: '2m' },
    want: [
      'spec.update.progressDeadline (2m) ends before the startup probe does (310s): a change that takes longer is rolled back',
    ],
  },
  {
    name: 'a pause',
    template: {},
    update: { paused: true },
    want: ['spec.update.paused is true: a change replaces nothing before nsctl rollout resume'],
  },
  {
    name: 'one in a group',
    template: { programs: [{ name: 'a' }, { name: 'b', startup: { exec, failureThreshold: 13 } }] },
    update: {},
    want: [
      'spec.update.progressDeadline (60s) ends before the startup probe does (65s): a change that takes longer is rolled back',
    ],
  },
])
  test(`serviceWarnings: ${c.name}`, () => {
    assert.equal(serviceWarnings({ spec: { template: c.template, update: c.update } }), c.want)
  })

test.run()
