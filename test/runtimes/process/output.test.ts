import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nextLine, readLines, startOfLast } from '../../../src/runtimes/process/output.ts'

const dir = mkdtempSync(join(tmpdir(), 'nsctl-output-'))
const path = join(dir, 'out')
test.after(() => rmSync(dir, { recursive: true, force: true }))

const read = async (from: number, to: number, whole = true) => {
  const lines = []
  for await (const line of readLines(path, { from, to, whole })) lines.push(line)
  return lines
}

/** Short lines, and some that are longer than what is read at once. */
const anyText = fc
  .array(
    fc.oneof(
      { weight: 9, arbitrary: fc.string({ maxLength: 20 }) },
      { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 140_000 }).map((n) => 'x'.repeat(n)) },
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join('\n'))

test('all lines of a file, and where they are', async () => {
  await fc.assert(
    fc.asyncProperty(anyText, async (text) => {
      writeFileSync(path, text)
      const bytes = Buffer.from(text)
      const lines = await read(0, bytes.length)
      const want = text.split('\n')
      if (want.at(-1) === '') want.pop()
      assert.equal(
        lines.map((line) => line.text),
        want,
      )
      let at = 0
      for (const line of lines) {
        assert.is(line.start, at)
        at = line.end
        assert.is(bytes.toString('utf8', line.start, line.end).replace(/\n$/, ''), line.text)
      }
      assert.is(at, bytes.length)
    }),
    { numRuns: 60 },
  )
})

test('the last lines begin where they should', async () => {
  await fc.assert(
    fc.asyncProperty(anyText, fc.integer({ min: 0, max: 12 }), async (text, count) => {
      writeFileSync(path, text)
      const to = Buffer.byteLength(text)
      const lines = (await read(await startOfLast(path, count, { base: 0, to }), to)).map((line) => line.text)
      const all = (await read(0, to)).map((line) => line.text)
      assert.equal(lines, count === 0 ? [] : all.slice(-count))
    }),
    { numRuns: 60 },
  )
})

test('a last line without newline waits where more may come', async () => {
  writeFileSync(path, 'a\nb')
  assert.equal(
    (await read(0, 3, false)).map((line) => line.text),
    ['a'],
  )
})

test('a line without end comes in pieces', async () => {
  writeFileSync(path, `${'y'.repeat(2.5 * 2 ** 20)}\nz\n`)
  const lines = await read(0, 1e9)
  assert.ok(lines.length >= 4 && lines.every((line) => line.text.length <= 2 ** 20 + 2 ** 16))
  assert.is(
    lines
      .slice(0, -1)
      .map((line) => line.text)
      .join('').length,
    2.5 * 2 ** 20,
  )
  assert.is(lines.at(-1)?.text, 'z')
})

for (const [offset, want] of [
  [0, 0],
  [1, 3],
  [3, 3],
  [4, 6],
] as const)
  test(`the first line at or after ${offset} begins at ${want}`, async () => {
    writeFileSync(path, 'ab\ncd\n')
    assert.is(await nextLine(path, offset, 6), want)
  })

test('what is not there has no lines', async () => {
  const gone = join(dir, 'gone')
  for await (const line of readLines(gone, { from: 0, to: 9, whole: true })) assert.unreachable(line.text)
  assert.is(await startOfLast(gone, 3, { base: 0, to: 0 }), 0)
  assert.is(await nextLine(gone, 3, 7), 7)
})

test.run()
