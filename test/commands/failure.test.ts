import { mkdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFailure } from '../../src/commands/failure.ts'
import { NsctlError } from '../../src/core/errors.ts'

const text = (error: unknown) => describeFailure(error, { json: false })

test('one sentence, then what to do next', () => {
  const error = new NsctlError('NotFound', 'service/web not found', { next: 'nsctl get svc' })
  assert.equal(text(error), { text: 'error: service/web not found\nnsctl get svc\n', exitCode: 1 })
})

test('the one issue is not said twice', () => {
  const error = new NsctlError('Invalid', 'a.yaml:1:1: wrong', { issues: ['a.yaml:1:1: wrong\n   1 | x'] })
  assert.equal(text(error), { text: 'error: a.yaml:1:1: wrong\n   1 | x\n', exitCode: 2 })
})

test('several issues stand one below the other, summed up', () => {
  const error = new NsctlError('Invalid', '2 faults', { issues: ['a', 'b'], next: 'nothing was applied' })
  assert.is(text(error).text, 'error: a\nerror: b\n2 faults\nnothing was applied\n')
})

test('what a node or a program says does nothing to the terminal', () => {
  const error = new NsctlError('Failed', 'node n1: \u001b[2Jall is\r well\u009b', {
    next: 'a\u0007\n\tb\u202ec',
  })
  assert.is(text(error).text, 'error: node n1: \\x1b[2Jall is\\x0d well\\x9b\na\\x07\n\tb\\u202ec\n')
  assert.is(JSON.parse(describeFailure(error, { json: true }).text).message, error.message)
})

test('what is not ours is a bug: exit code 70, the stack, and where to report it', () => {
  const failure = text(new TypeError('x is not a function'))
  assert.is(failure.exitCode, 70)
  assert.match(failure.text, /^error: x is not a function\nTypeError: x is not a function\n {4}at /)
  assert.match(failure.text, /this is a bug of nsctl: please report the lines above/)
})

test('what the machine refuses is no bug', () => {
  try {
    mkdirSync('/dev/null/x')
    assert.unreachable()
  } catch (error) {
    const failure = text(error)
    assert.is(failure.exitCode, 3)
    assert.match(failure.text, /^error: ENOTDIR: .*\nchoose another place \(\$NSCTL_HOME\)\n$/)
  }
})

test('thrown text is a bug too', () => {
  assert.is(text('oops').exitCode, 70)
})

test('JSON has code, message, issues and next', () => {
  const error = new NsctlError('Conflict', 'changed', { value: 7, issues: ['x'], next: 'again' })
  const failure = describeFailure(error, { json: true })
  assert.is(failure.exitCode, 4)
  assert.equal(JSON.parse(failure.text), {
    kind: 'Error',
    code: 'Conflict',
    message: 'changed',
    value: 7,
    issues: ['x'],
    next: 'again',
  })
})

test.run()
