import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProgramId } from '../../../src/runtimes/runtime.ts'
import { unitName } from '../../../src/runtimes/systemd/names.ts'
import { readUsage } from '../../../src/runtimes/systemd/usage.ts'

const id: ProgramId = {
  namespace: 'default',
  service: 'web',
  templateHash: 'h3kq9x2mzc',
  ordinal: 0,
  program: '',
}

async function usageOf(files: Readonly<Record<string, string>>, options?: { readonly io: boolean }) {
  const root = mkdtempSync(join(tmpdir(), 'nsctl-cgroup-'))
  try {
    const dir = join(root, unitName(id))
    mkdirSync(dir)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
    return (await readUsage({ processes: root, unified: true }, options))[0]
  } finally {
    rmSync(root, { recursive: true })
  }
}

const CPU_AND_MEMORY = { 'cpu.stat': 'usage_usec 2500000\nuser_usec 1\n', 'memory.current': '4096\n' }
const IO =
  '254:0 rbytes=1000 wbytes=200 rios=1 wios=2 dbytes=9 dios=0\n8:0 rbytes=24 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n'

test('adds what all disks say, where it is asked for', async () => {
  const key = 'default/web/h3kq9x2mzc/0/'
  const files = { ...CPU_AND_MEMORY, 'io.stat': IO }
  assert.equal(await usageOf(files, { io: true }), {
    key,
    cpuMs: 2_500,
    memoryBytes: 4_096,
    io: { readBytes: 1_024, writtenBytes: 200 },
  })
  assert.equal(await usageOf(files), { key, cpuMs: 2_500, memoryBytes: 4_096 })
})

test('one that has used no disk yet has read and written nothing', async () => {
  const usage = await usageOf({ ...CPU_AND_MEMORY, 'io.stat': '' }, { io: true })
  assert.equal(usage?.io, { readBytes: 0, writtenBytes: 0 })
})

test('without the controller its processes are asked, and who may not ask them is told nothing', async () => {
  const own = await usageOf({ ...CPU_AND_MEMORY, 'cgroup.procs': `${process.pid}\n` }, { io: true })
  assert.ok((own?.io?.writtenBytes ?? -1) >= 0, JSON.stringify(own))
  const gone = await usageOf({ ...CPU_AND_MEMORY, 'cgroup.procs': '4194305\n' }, { io: true })
  assert.is(gone?.io, undefined)
})

test('finds what runs in the slice of its group', async () => {
  const root = mkdtempSync(join(tmpdir(), 'nsctl-cgroup-'))
  try {
    const inGroup = { ...id, program: 'writer' }
    const dirs = [
      join(root, unitName(id)),
      join(root, 'nsctl-default_web_h3kq9x2mzc_0.slice', unitName(inGroup)),
    ]
    for (const dir of dirs) {
      mkdirSync(dir, { recursive: true })
      for (const [name, text] of Object.entries(CPU_AND_MEMORY)) writeFileSync(join(dir, name), text)
    }
    const keys = (await readUsage({ processes: root, unified: true })).map(({ key }) => key)
    assert.equal(keys.sort(), ['default/web/h3kq9x2mzc/0/', 'default/web/h3kq9x2mzc/0/writer'])
  } finally {
    rmSync(root, { recursive: true })
  }
})

test.run()
