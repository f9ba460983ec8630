/** The search itself: it must find what is there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findInFolder, findInText, formsOf } from './search.ts'

const VALUE = 'hunter2 "planted" ä\n77'
const forms = formsOf(VALUE)

for (const [name, text] of [
  ['as it stands', `password: ${VALUE}!`],
  ['in JSON', JSON.stringify({ password: VALUE })],
  ['in JSON in JSON, at least as base64', JSON.stringify(Buffer.from(VALUE).toString('base64'))],
  ['in a URL', `https://x/?q=${encodeURIComponent(VALUE)}`],
  ['in hex', Buffer.from(`..${VALUE}..`).toString('hex')],
  ['as UTF-16', Buffer.from(`..${VALUE}..`, 'utf16le')],
] as const)
  test(`a value is found ${name}`, () => {
    assert.is.not(findInText('here', text, forms).length, 0)
  })

test('a value is found in the base64 of anything that holds it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (before, after) => {
      const bytes = Buffer.concat([before, Buffer.from(VALUE), after])
      assert.is.not(findInText('here', bytes.toString('base64'), forms).length, 0)
    }),
  )
})

test('what does not hold it holds it in no form', () => {
  assert.equal(findInText('here', 'hunter3 "planted" and nothing else', forms), [])
})

test('files are searched to their end, also where a value lies across two pieces', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-search-'))
  try {
    mkdirSync(join(folder, 'a/b'), { recursive: true })
    writeFileSync(
      join(folder, 'a/b/store'),
      Buffer.concat([Buffer.alloc(4 * 1024 * 1024 - 5), Buffer.from(VALUE)]),
    )
    writeFileSync(join(folder, 'a/clean'), 'nothing')
    const { hits, files } = findInFolder(folder, forms)
    assert.is(files, 2)
    assert.equal(hits, [`${join(folder, 'a/b/store')} (plain)`])
    assert.equal(findInFolder(folder, forms, (path) => path.endsWith('b')).hits, [])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
