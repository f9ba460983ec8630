import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NsctlError } from '../../../../src/core/errors.ts'
import type { Disk } from '../../../../src/runtimes/disk.ts'
import { openMirror } from '../../../../src/runtimes/systemd/over/mirror.ts'
import { localTransport } from '../../../../src/transport/local/transport.ts'
import type { Transport } from '../../../../src/transport/transport.ts'

interface Lab {
  readonly dir: string
  readonly broken: NsctlError[]
  /** Commands that were run. */
  commands(): number
  open(): Promise<Disk>
}

async function withLab(use: (lab: Lab) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'nsctl-mirror-'))
  const transport = localTransport()
  let commands = 0
  const counted: Pick<Transport, 'run' | 'name'> = {
    name: 'n1',
    run(command, options) {
      commands++
      return transport.run(command, options)
    },
  }
  const broken: NsctlError[] = []
  const open = () =>
    openMirror({
      transport: counted,
      roots: [join(dir, 'run'), join(dir, 'units/nsctl*'), join(dir, 'nowhere')],
      secretDir: join(dir, 'run/materials'),
      inMemory: true,
      uid: process.getuid?.() ?? 0,
      onBroken: (error) => broken.push(error),
      signal: AbortSignal.timeout(20_000),
    })
  try {
    await use({ dir, broken, commands: () => commands, open })
  } finally {
    await transport.close()
    rmSync(dir, { recursive: true })
  }
}

test('what is there is known, and nothing besides', () =>
  withLab(async ({ dir, open }) => {
    mkdirSync(join(dir, 'units'))
    writeFileSync(join(dir, 'units/nsctl-a@.service'), 'text\n')
    writeFileSync(join(dir, 'units/other.service'), 'not ours')
    const long = join(dir, 'units', `nsctl-${'x'.repeat(150)}.service`)
    writeFileSync(long, '')
    mkdirSync(join(dir, 'run/materials'), { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, 'run/materials/key'), 'secret', { mode: 0o400 })
    const disk = await open()
    assert.is(disk.read(join(dir, 'units/nsctl-a@.service'))?.toString(), 'text\n')
    assert.is(disk.read(join(dir, 'units/other.service')), undefined)
    assert.is(disk.read(long)?.length, 0)
    assert.is(disk.read(join(dir, 'run/materials/key')), undefined, 'no secret is kept here')
    assert.ok(disk.holds(join(dir, 'run/materials/key'), Buffer.from('secret')))
    assert.not.ok(disk.holds(join(dir, 'run/materials/key'), Buffer.from('sekret')))
    assert.is(disk.info(join(dir, 'run/materials/key'))?.mode, 0o400)
    assert.is(disk.info(join(dir, 'run/materials'))?.mode, 0o700)
    assert.equal(disk.names(join(dir, 'run')), ['materials'])
    assert.is(disk.settled(), undefined)
  }))

test('all changes of one moment are one command, in their order, and the next who looks finds them', () =>
  withLab(async ({ dir, open, commands }) => {
    const disk = await open()
    const run = join(dir, 'run')
    disk.makeFolder(join(run, 'env/deep'), 0o755)
    for (let one = 0; one < 100; one++)
      disk.write(join(run, 'env', `u@${one}`), `PORT=${one}\n`, { mode: 0o600 })
    disk.write(join(run, 'env/u@0'), "it's $(touch x) `y` \\ \u00e9\n\n  ", {
      mode: 0o644,
      part: join(run, 'part'),
    })
    disk.link('/somewhere else', join(run, 'link'))
    disk.link('/elsewhere', join(run, 'link'))
    disk.write(join(run, 'gone'), 'x', { mode: 0o600 })
    disk.remove(join(run, 'gone'))
    disk.setAccess(join(run, 'env/u@1'), { mode: 0o440, gid: process.getgid?.() ?? 0 })
    disk.removeEmpty(join(run, 'env/deep'))
    disk.removeEmpty(join(run, 'env'))
    const before = statSync(dir).mtimeMs
    disk.touch(run)
    assert.is(disk.read(join(run, 'env/u@7'))?.toString(), 'PORT=7\n', 'at once')
    await disk.settled()
    assert.is(commands(), 2)
    assert.is(readFileSync(join(run, 'env/u@99'), 'utf8'), 'PORT=99\n')
    assert.is(readFileSync(join(run, 'env/u@0'), 'utf8'), "it's $(touch x) `y` \\ \u00e9\n\n  ")
    assert.is(statSync(join(run, 'env/u@0')).mode & 0o777, 0o644)
    assert.is(statSync(join(run, 'env/u@1')).mode & 0o777, 0o440)
    assert.is(statSync(join(run, 'env')).mode & 0o777, 0o755)
    assert.is(readlinkSync(join(run, 'link')), '/elsewhere')
    assert.is(lstatSync(join(run, 'gone'), { throwIfNoEntry: false }), undefined)
    assert.ok(statSync(run).mtimeMs > before)
    const again = await open()
    const all = (seen: Disk) => ['', 'env'].map((name) => [...seen.names(join(run, name))].sort())
    assert.equal(all(again), all(disk))
    for (const name of again.names(join(run, 'env')))
      assert.equal(again.info(join(run, 'env', name)), disk.info(join(run, 'env', name)))
  }))

test('whatever bytes a file has arrive', () =>
  withLab(async ({ dir, open }) => {
    const disk = await open()
    disk.makeFolder(join(dir, 'run'), 0o700)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        disk.write(join(dir, 'run/any'), bytes, { mode: 0o600 })
        await disk.settled()
        assert.equal(readFileSync(join(dir, 'run/any')), Buffer.from(bytes))
      }),
      { numRuns: 30 },
    )
  }))

test('a change that cannot be made is told, and nothing is believed after it', () =>
  withLab(async ({ dir, open, broken }) => {
    const disk = await open()
    writeFileSync(join(dir, 'run'), 'a file where a folder should be')
    disk.write(join(dir, 'run/x'), '', { mode: 0o600 })
    await rejects(disk.settled(), /files of n1 cannot be written: .*run\/x/)
    await rejects(disk.settled(), /cannot be written/)
    assert.is(broken.length, 1)
  }))

async function rejects(promise: Promise<void> | undefined, message: RegExp): Promise<void> {
  try {
    await promise
  } catch (error) {
    assert.match((error as Error).message, message)
    return
  }
  assert.unreachable('it should have failed')
}

test.run()
