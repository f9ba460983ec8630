import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ArchiveEntry, archiveOf } from '../../../src/main/bootstrap/archive.ts'

const text = (content: string) => Buffer.from(content)
const ENTRIES: readonly ArchiveEntry[] = [
  { kind: 'file', path: 'bin/run', mode: 0o755, content: text('#!/bin/sh\n') },
  { kind: 'file', path: 'dist/empty', mode: 0o644, content: text('') },
  { kind: 'file', path: 'dist/block', mode: 0o600, content: Buffer.alloc(512, 7) },
  { kind: 'file', path: 'dist/more', mode: 0o644, content: Buffer.alloc(100_001, 'grüß') },
  { kind: 'link', path: 'deep/er/link', to: '../../bin/run' },
  { kind: 'file', path: `dist/${'long/'.repeat(40)}end`, mode: 0o644, content: text('far') },
  { kind: 'link', path: `dist/${'n'.repeat(120)}`, to: 'x'.repeat(130) },
]

test('tar unpacks what was packed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-archive-'))
  try {
    execFileSync('tar', ['-xzf', '-', '-C', folder], { input: await archiveOf(ENTRIES) })
    for (const entry of ENTRIES) {
      const path = join(folder, entry.path)
      if (entry.kind === 'link') assert.is(readlinkSync(path), entry.to)
      else {
        assert.ok(readFileSync(path).equals(Buffer.from(entry.content)), entry.path)
        assert.is(statSync(path).mode & 0o777, entry.mode, entry.path)
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the same files make the same archive', async () =>
  assert.ok((await archiveOf(ENTRIES)).equals(await archiveOf(ENTRIES))))

test.run()
