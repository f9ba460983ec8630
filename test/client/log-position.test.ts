import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogPosition } from '../../src/client/log-position.ts'

interface Line {
  readonly atMs?: number
  readonly stream: 'stdout' | 'manager'
  readonly text: string
}

/** As a runtime answers: those from then on, and what stands without a time behind them. */
function since(lines: readonly Line[], { sinceMs = 0 }: { readonly sinceMs?: number }): readonly Line[] {
  const from = lines.findIndex(({ atMs }) => atMs !== undefined && atMs >= sinceMs)
  return from === -1 ? [] : lines.slice(from)
}

test('however often reading is interrupted, each line comes once and in order', () => {
  const line = fc.record({ step: fc.nat(2), isManagers: fc.boolean(), isBare: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 40 }),
      fc.array(fc.nat(12), { maxLength: 10 }),
      (steps, breaks) => {
        let atMs = 1_000
        const lines = steps.map(({ step, isManagers, isBare }, i): Line => {
          atMs += i === 0 ? 1 : step
          const text = String(i)
          const stream = isManagers ? ('manager' as const) : ('stdout' as const)
          return isBare && i > 0 ? { stream, text } : { stream, text, atMs }
        })
        const position = new LogPosition({})
        const seen: string[] = []
        for (const after of [...breaks, lines.length])
          for (const one of since(lines, position.from()).slice(0, after))
            if (position.isNew(one)) seen.push(one.text)
        // the last reading goes to the end
        for (const one of since(lines, position.from())) if (position.isNew(one)) seen.push(one.text)
        assert.equal(
          seen,
          lines.map(({ text }) => text),
        )
      },
    ),
  )
})

test('the first reading is as it was asked for, and an interruption before any line changes nothing', () => {
  const position = new LogPosition({ tail: 5 })
  assert.equal(position.from(), { tail: 5 })
  assert.equal(position.from(), { tail: 5 })
  position.isNew({ atMs: 2_000, stream: 'stdout' })
  assert.equal(position.from(), { sinceMs: 1_999 })
})

test.run()
