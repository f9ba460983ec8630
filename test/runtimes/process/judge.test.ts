/** The judge of the kill test must catch what it is there for. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Evidence, judge } from './kill/judge.ts'

const good: Evidence = {
  key: 'web',
  journal: [
    'start 1 10',
    'line 1 1',
    'line 1 2',
    'exit 1 7',
    'start 2 11',
    'line 2 1',
    'crash 2 SIGKILL',
    'start 3 12',
  ],
  output: new Map([
    ['1', ['line 1', 'line 2']],
    ['2', ['line 1', 'line 2']],
  ]),
  ends: ['code 7', 'signal SIGKILL', 'success'],
}

test('a good run has no fault', () => assert.equal(judge(good), []))

const before = (text: string, added: string) => ({
  journal: good.journal.flatMap((line) => (line === text ? [added, line] : [line])),
})

for (const [name, change, fault] of [
  [
    'a double that the lock tells',
    before('line 1 2', 'double 9 99'),
    /9 started while another held the lock/,
  ],
  ['a double that only the journal tells', before('line 1 2', 'start 2 11'), /1 wrote while 2 ran/],
  ['an attempt that runs twice', before('start 3 12', 'start 1 13'), /1 started twice/],
  ['a lost line', { output: new Map([...good.output, ['1', ['line 1']]]) }, /printed 2 lines, 1 are kept/],
  ['a line in the middle', { output: new Map([...good.output, ['1', ['line 2']]]) }, /kept is "line 2"/],
  ['a line twice', { output: new Map([...good.output, ['1', ['line 1', 'line 1']]]) }, /kept is "line 1"/],
  ['output lost as a whole', { output: new Map() }, /0 are kept/],
  ['a wrong exit code', { ends: ['code 8', 'signal SIGKILL'] }, /ended with code 7, which nobody saw/],
  ['an end that nobody saw', { ends: ['code 7'] }, /signal SIGKILL, which nobody saw/],
] as const) {
  test(`the judge catches ${name}`, () => {
    const faults = judge({ ...good, ...change })
    assert.ok(
      faults.some((found) => fault.test(found)),
      `found: ${faults.join('; ')}`,
    )
  })
}

test.run()
