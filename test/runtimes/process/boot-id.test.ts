import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findBootId } from '../../../src/runtimes/process/boot-id.ts'
import { parseClaim } from '../../../src/runtimes/process/shim.ts'

const uuid = '6C1D3F0A-0B5E-4F0B-9C6E-2D1F5C8F7A11'

for (const { name, answers, want } of [
  { name: 'macOS', answers: { 'kern.bootsessionuuid': `${uuid}\n`, 'lstart=': 'Thu Jan  1' }, want: uuid },
  {
    name: 'FreeBSD',
    answers: { 'kern.boot_id': '00112233445566778899aabbccddeeff\n' },
    want: '00112233445566778899aabbccddeeff',
  },
  {
    name: 'a system that names no boot',
    answers: { 'kern.bootsessionuuid': '\n', 'lstart=': 'Sat Jan 31 12:00:01 2026    \n' },
    want: 'Sat-Jan-31-12:00:01-2026',
  },
  { name: 'a system that tells nothing', answers: {}, want: 'unknown' },
])
  test(`the boot of ${name} is one word that a claim can hold`, () => {
    const found = findBootId((_, args) => (answers as Readonly<Record<string, string>>)[args.at(-1) ?? ''])
    assert.is(found, want)
    const claim = parseClaim(`1 0 2 0 ${found}\n`)
    assert.ok(typeof claim === 'object' && claim.bootId === want)
  })

test('asked of this machine it is the same twice, whatever the clock says by then', () => {
  const before = findBootId()
  const now = Date.now
  Date.now = () => now() + 3_600_000
  try {
    assert.is(findBootId(), before)
  } finally {
    Date.now = now
  }
})

test.run()
