/** The file of an export: read back as it was written, and refused wherever it is not that any more. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { exportLines, looksLikeExport, readExport } from '../../src/store/export-file.ts'
import type { Snapshot } from '../../src/store/snapshot.ts'
import { anySnapshot } from './snapshots.ts'

const LAYOUT = { major: 1, minor: 0 }
const about = { layout: LAYOUT.major, nsctl: '0.1.0', engine: 'sqlite', at: '2026-11-20T18:00:00.000Z' }

function fileOf(snapshot: Snapshot, more: Partial<typeof about> = {}): Buffer {
  return Buffer.from([...exportLines(snapshot, { ...about, ...more })].join(''))
}

const SMALL: Snapshot = {
  revision: 9,
  entries: [
    { key: 'obj/nsctl.dev/services/default/web', revision: 4, value: '{"metadata":{"name":"web"}}' },
    { key: 'obj/nsctl.dev/services/default/ü', revision: 7, value: 'line\nbreak "quoted" \u2028 𝄞' },
  ],
}

/** The error that reading is refused with; fails where the file is taken for whole. */
function refusal(bytes: Uint8Array): Error {
  try {
    readExport(bytes, 'x.export', LAYOUT)
  } catch (error) {
    if (isNsctlError(error, 'Invalid', 'Unsupported')) return error
    throw error
  }
  throw new Error(`taken for whole: ${Buffer.from(bytes).toString()}`)
}

test('whatever a store holds is read back as it was written', () => {
  fc.assert(
    fc.property(anySnapshot(), (snapshot) => {
      const file = readExport(fileOf(snapshot), 'x.export', LAYOUT)
      assert.equal(file.entries, snapshot.entries)
      assert.equal(file.header, {
        kind: 'nsctl store export',
        format: 1,
        ...about,
        revision: snapshot.revision,
        count: snapshot.entries.length,
      })
      assert.equal(fileOf(file), fileOf(snapshot))
    }),
  )
})

test('cut off at any point it is refused', () => {
  const file = fileOf(SMALL)
  for (let length = 0; length < file.length; length++) refusal(file.subarray(0, length))
  assert.is(
    refusal(file.subarray(0, file.indexOf('{"kind":"end"'))).message,
    'x.export is cut off: of 2 keys 2 are whole, and the last line is missing',
  )
  assert.match(refusal(file.subarray(0, 300)).message, /^x\.export is cut off: of 2 keys [01] /)
})

test('with any bit flipped it is refused', () => {
  const file = fileOf(SMALL)
  for (let at = 0; at < file.length; at++)
    for (const bit of [1, 32, 128]) {
      const flipped = Buffer.from(file)
      flipped[at]! ^= bit
      refusal(flipped)
    }
})

test('with a line taken out, doubled, put elsewhere or added it is refused', () => {
  const lines = [...exportLines(SMALL, about)]
  const [head, first, second, end] = lines as [string, string, string, string]
  for (const altered of [
    [head, second, end],
    [head, first, first, second, end],
    [head, second, first, end],
    [...lines, end],
    [...lines, '\n'],
    [head, end],
    [first, second, end],
  ])
    refusal(Buffer.from(altered.join('')))
})

test('a file of a newer nsctl is refused with its version', () => {
  const error = refusal(fileOf(SMALL, { layout: 2, nsctl: '7.0.0' }))
  assert.ok(isNsctlError(error, 'Unsupported'))
  assert.match(error.message, /nsctl 7\.0\.0/)
  assert.match(String((error as { next?: string }).next), /nsctl 7\.0\.0 or newer/)
})

test('what is no export is not taken for one', () => {
  for (const text of ['', '\n', '{}', 'SQLite format 3\0', '[]\n', 'apiVersion: v1\n']) {
    assert.match(refusal(Buffer.from(text)).message, /is no export of a store/)
    assert.is(looksLikeExport(Buffer.from(text)), false)
  }
  assert.ok(looksLikeExport(fileOf(SMALL)))
})

test.run()
