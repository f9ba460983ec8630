import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { WatchEvent } from '../../../src/store/etcd/messages.ts'
import { WholeTransactions } from '../../../src/store/etcd/watching.ts'

const event = (modRevision: number): WatchEvent => ({
  kind: 'put',
  keyValue: { key: Buffer.alloc(0), value: Buffer.alloc(0), modRevision },
})

test('however a response is cut, no revision comes in two parts', () => {
  const revisions = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(revisions, fc.array(fc.integer({ min: 1, max: 5 })), (steps, sizes) => {
      let revision = 0
      // a step of 1 is a new revision, others go on with it
      const events = steps.map((step) => event(step === 1 ? ++revision : revision))
      const parts: WatchEvent[][] = []
      for (let at = 0; at < events.length; ) {
        const size = sizes[parts.length] ?? events.length
        parts.push(events.slice(at, at + size))
        at += size
      }
      const whole = new WholeTransactions()
      const taken = parts.map((part, index) =>
        whole.take({ events: part, fragment: index < parts.length - 1 }),
      )
      assert.equal(taken.flat(), events)
      const seen = new Set<number>()
      for (const batch of taken) {
        const within = new Set(batch.map(({ keyValue }) => keyValue.modRevision))
        for (const one of within) assert.not(seen.has(one), `revision ${one} was cut`)
        for (const one of within) seen.add(one)
      }
    }),
  )
})

test.run()
