import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import type { LogFields, LogLevel } from '../../src/core/logger.ts'
import { createLogger } from '../../src/main/logger.ts'

const NOON = Date.parse('2026-11-20T12:00:00.000Z')

function linesOf(
  format: 'text' | 'json',
  ...lines: readonly (readonly [LogLevel, string, LogFields?])[]
): string {
  let written = ''
  const write = (line: string) => {
    written += line
  }
  const logger = createLogger({ clock: new ManualClock(NOON), level: 'info', format, write })
  for (const [level, message, fields] of lines) logger.with({ part: 'agent' }).log(level, message, fields)
  return written
}

test('lines for people: time, level, message, fields; quotes only where they are needed', () => {
  const fields = { key: 'a b', count: 2, none: undefined, error: new NsctlError('Failed', 'it failed') }
  assert.is(
    linesOf('text', ['warn', 'cannot start', fields]),
    '12:00:00.000 warn  cannot start part=agent key="a b" count=2 error="it failed"\n',
  )
})

test('lines for machines: one JSON object each', () => {
  const [line = '', rest] = linesOf('json', ['error', 'two\nlines', { count: 2 }]).split('\n')
  assert.is(rest, '')
  const expected = { at: '2026-11-20T12:00:00.000Z', level: 'error', message: 'two\nlines', part: 'agent' }
  assert.equal(JSON.parse(line), { ...expected, count: 2 })
})

test('what others had a hand in makes no line of its own, and does nothing to a terminal', () => {
  const message = 'ada ran x\n12:00:00.001 info  bob ran sh \u001b[2J\u009b beside it'
  assert.is(
    linesOf('text', ['info', message, { name: 'a\u001bb', lines: 'c\nd' }]),
    '12:00:00.000 info  ada ran x\\n12:00:00.001 info  bob ran sh \\u001b[2J\\u009b beside it part=agent name=a\\u001bb lines="c\\nd"\n',
  )
})

test('what is below the level is left out', () => {
  assert.is(linesOf('text', ['debug', 'no'], ['info', 'yes']).split('\n').length, 2)
})

test('a bug is logged with its stack, an error of ours by its message', () => {
  assert.match(linesOf('json', ['error', 'x', { error: new TypeError('oops') }]), /logger\.test\.ts/)
})

test('a terminal that is gone ends nothing', () => {
  const write = () => {
    throw Object.assign(new Error('write EIO'), { code: 'EIO' })
  }
  const logger = createLogger({ clock: new ManualClock(), level: 'info', format: 'text', write })
  assert.not.throws(() => logger.log('info', 'still here'))
})

test.run()
