import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lingerAdvice } from '../../src/main/linger.ts'

test('one who does not linger is told the command, one who does nothing', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nsctl-linger-'))
  try {
    writeFileSync(join(dir, 'ada'), '')
    assert.is(await lingerAdvice('ada', dir), undefined)
    assert.match((await lingerAdvice('bob', dir)) ?? '', /when bob logs out.*: loginctl enable-linger bob$/)
    assert.match((await lingerAdvice('bob', join(dir, 'nowhere'))) ?? '', /enable-linger/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test.run()
