import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRecord } from '../../../src/agent/instance/record.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'
import type { ObservedProgram } from '../../../src/runtimes/runtime.ts'

const startedAt = '2026-01-31T12:00:00.250Z'
const startedAtMs = Date.parse(startedAt)
const instance = {
  metadata: { name: 'web-0-aaaaa', uid: 'u' },
  spec: {},
  status: { programs: [{ name: '', state: 'running', pid: 412, ready: true, startedAt }] },
} as unknown as Instance

for (const c of [
  { name: 'goes on being ready', seen: { pid: 412, startedAtMs }, ready: true },
  { name: 'was started again', seen: { pid: 413, startedAtMs: startedAtMs + 1 }, ready: false },
  {
    name: 'has the same pid after a reboot',
    seen: { pid: 412, startedAtMs: startedAtMs + 60_000 },
    ready: false,
  },
  { name: 'is gone', seen: undefined, ready: false },
])
  test(`a program that ${c.name} ${c.ready ? 'needs no new verdict' : 'has to become ready anew'}`, () => {
    const seen = c.seen && ({ id: {}, state: 'running', restarts: 0, ...c.seen } as ObservedProgram)
    const observed = new Map(seen === undefined ? [] : [['key', seen]])
    const { programs } = makeRecord(instance, [{ name: '', key: 'key' }], observed)
    assert.is(programs[0]?.readiness?.healthy === true, c.ready)
  })

test.run()
