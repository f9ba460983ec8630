import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import {
  formatAge,
  formatBytes,
  parseCpuMillis,
  parseDurationMs,
  parseMemoryBytes,
} from '../../src/core/quantity.ts'

for (const [text, millis] of [
  ['500m', 500],
  ['0.5', 500],
  ['2', 2000],
  ['1.25', 1250],
] as const) {
  test(`parseCpuMillis ${text}`, () => assert.is(parseCpuMillis(text), millis))
}

for (const [text, bytes] of [
  ['128Mi', 134217728],
  ['1G', 1e9],
  ['1.5Ki', 1536],
  ['100', 100],
] as const) {
  test(`parseMemoryBytes ${text}`, () => assert.is(parseMemoryBytes(text), bytes))
}

for (const [text, ms] of [
  ['250ms', 250],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
] as const) {
  test(`parseDurationMs ${text}`, () => assert.is(parseDurationMs(text), ms))
}

for (const [name, parse, text] of [
  ['cpu', parseCpuMillis, '5mm'],
  ['memory', parseMemoryBytes, '12Mb'],
  ['duration', parseDurationMs, '5'],
] as const) {
  test(`a wrong ${name} quantity names the value`, () => {
    try {
      parse(text)
      assert.unreachable()
    } catch (error) {
      assert.ok(isNsctlError(error, 'Invalid'))
      assert.is(error.value, text)
      assert.ok(error.next)
    }
  })
}

test('formatBytes', () => {
  assert.equal([0, 1023, 1024, 96 * 2 ** 20, 1.5 * 2 ** 30].map(formatBytes), [
    '0',
    '1023',
    '1Ki',
    '96Mi',
    '1.5Gi',
  ])
})

test('formatAge as kubectl', () => {
  assert.equal([5e3, 119e3, 184e3, 600e3, 3 * 36e5, 5 * 864e5].map(formatAge), [
    '5s',
    '119s',
    '3m4s',
    '10m',
    '3h',
    '5d',
  ])
})

test.run()
