/** Copying with the real tar of this machine at the other end, and with ends that mean harm. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ExecRequest } from '../../src/client/client.ts'
import { copyFrom, copyTo } from '../../src/client/copy.ts'
import { pack } from '../../src/client/tar/pack.ts'
import { unpack } from '../../src/client/tar/unpack.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { type Entry, writeHeader } from '../../src/core/tar/header.ts'
import { readTar } from '../../src/core/tar/read.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { runBeside } from '../../src/runtimes/beside.ts'

const never = new AbortController().signal
const instance = { metadata: { name: 'web-0-abcde' } } as AnyResource
const notes: string[] = []
/** The program's directory is `cwd`. */
const inside = (cwd: string) => ({
  client: {
    exec: ({ command, stdin, tty, streams }: ExecRequest, signal: AbortSignal) =>
      runBeside(
        command,
        {
          env: { PATH: process.env.PATH ?? '' },
          cwd,
          options: { command, stdin, tty, ...(streams && { streams }) },
          failed: (error) => new NsctlError('Failed', error.message),
        },
        signal,
      ),
  },
  instance,
  note: (text: string) => notes.push(text),
})
const copying = inside(process.cwd())

function inFolder(name: string, run: (folder: string) => Promise<void>): void {
  test(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nsctl-copy-'))
    notes.length = 0
    try {
      await run(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

const LONG = `${'a-long-name-'.repeat(12)}ü`

function makeTree(root: string): void {
  mkdirSync(join(root, 'sub', LONG), { recursive: true })
  writeFileSync(join(root, 'empty'), '')
  writeFileSync(join(root, 'sub', 'script'), 'echo hi\n')
  chmodSync(join(root, 'sub', 'script'), 0o750)
  utimesSync(join(root, 'sub', 'script'), 1_700_000_000, 1_700_000_000)
  writeFileSync(join(root, 'sub', LONG, `${LONG}.bin`), Buffer.alloc(300_001, 7))
  writeFileSync(join(root, '-dash'), 'x')
  symlinkSync('sub/script', join(root, 'link'))
}

function assertTree(root: string): void {
  assert.equal(readdirSync(root).sort(), ['-dash', 'empty', 'link', 'sub'])
  assert.is(statSync(join(root, 'empty')).size, 0)
  const script = statSync(join(root, 'sub', 'script'))
  assert.equal([script.mode & 0o777, script.mtimeMs], [0o750, 1_700_000_000_000])
  assert.ok(readFileSync(join(root, 'sub', LONG, `${LONG}.bin`)).equals(Buffer.alloc(300_001, 7)))
  assert.is(readlinkSync(join(root, 'link')), 'sub/script')
}

inFolder('a tree goes there and comes back as it was', async (folder) => {
  makeTree(join(folder, 'tree'))
  await copyTo(copying, join(folder, 'tree'), join(folder, 'there'), never)
  assertTree(join(folder, 'there'))
  await copyFrom(copying, join(folder, 'there'), join(folder, 'back'), never)
  assertTree(join(folder, 'back'))
  assert.equal(readdirSync(folder).sort(), ['back', 'there', 'tree'])
  assert.equal(notes, [])
})

inFolder('a file replaces a file, goes into a folder, and keeps its rights', async (folder) => {
  writeFileSync(join(folder, 'new'), 'new')
  chmodSync(join(folder, 'new'), 0o640)
  writeFileSync(join(folder, 'old'), 'old')
  mkdirSync(join(folder, 'into'))
  await copyTo(copying, join(folder, 'new'), join(folder, 'old'), never)
  await copyTo(copying, join(folder, 'new'), join(folder, 'into'), never)
  await copyFrom(copying, join(folder, 'into', 'new'), join(folder, 'again'), never)
  for (const path of ['old', 'into/new', 'again']) {
    assert.is(readFileSync(join(folder, path), 'utf8'), 'new')
    assert.is(statSync(join(folder, path)).mode & 0o777, 0o640)
  }
})

inFolder(
  'what is not there, is a folder already, or may not be read is said, and nothing is left',
  async (folder) => {
    mkdirSync(join(folder, 'full', 'tree'), { recursive: true })
    makeTree(join(folder, 'tree'))
    const failure = (work: Promise<void>) =>
      work.then(
        () => 'nothing',
        (error) => `${error.code} ${error.message}`,
      )
    assert.match(
      await failure(copyFrom(copying, join(folder, 'none'), join(folder, 'to'), never)),
      /^Failed .*No such file/,
    )
    assert.match(
      await failure(copyTo(copying, join(folder, 'none'), join(folder, 'to'), never)),
      /^Failed cannot read \S+\/none: no such file or directory$/,
    )
    const nowhere = join(folder, 'none', 'to')
    assert.is(
      await failure(copyFrom(copying, join(folder, 'tree', 'empty'), nowhere, never)),
      `Failed cannot write ${nowhere}: no such file or directory`,
    )
    assert.is(
      await failure(copyTo(copying, join(folder, 'tree', 'empty'), nowhere, never)),
      `Failed web-0-abcde: there is no folder ${folder}/none/`,
    )
    assert.match(
      await failure(copyFrom(copying, join(folder, 'tree'), join(folder, 'full'), never)),
      /^AlreadyExists/,
    )
    assert.match(
      await failure(copyTo(copying, join(folder, 'tree'), join(folder, 'full'), never)),
      /is a folder already/,
    )
    assert.equal(readdirSync(folder).sort(), ['full', 'tree'])
    assert.equal(readdirSync(join(folder, 'full')), ['tree'])
  },
)

inFolder('a name over there may begin with a hyphen', async (folder) => {
  writeFileSync(join(folder, 'new'), 'new')
  mkdirSync(join(folder, '-into'))
  await copyTo(inside(folder), join(folder, 'new'), '-as', never)
  await copyTo(inside(folder), join(folder, 'new'), '-into/-as', never)
  await copyTo(inside(folder), join(folder, 'new'), '-into', never)
  await copyFrom(inside(folder), '-as', join(folder, 'back'), never)
  for (const path of ['-as', '-into/-as', '-into/new', 'back'])
    assert.is(readFileSync(join(folder, path), 'utf8'), 'new', path)
})

inFolder('a copy that is called off leaves nothing under the name', async (folder) => {
  const stop = new AbortController()
  const endless = {
    ...copying,
    client: {
      exec: async ({ streams }: ExecRequest, signal: AbortSignal) => {
        streams?.stdout.write(
          Buffer.concat([writeHeader(entry({ path: './big', bytes: 10_000 })), Buffer.alloc(3_000)]),
        )
        setTimeout(() => stop.abort(new Error('Ctrl-C')), 50)
        return await new Promise<number>((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        )
      },
    },
  }
  const error = await copyFrom(endless, '/big', join(folder, 'big'), stop.signal).catch((thrown) => thrown)
  assert.is(error.message, 'Ctrl-C')
  assert.equal(readdirSync(folder), [])
})

inFolder('a copy to an instance that is called off leaves nothing there', async (folder) => {
  mkdirSync(join(folder, 'there'))
  writeFileSync(join(folder, 'endless'), Buffer.alloc(30_000_000))
  const stop = new AbortController()
  const slow = {
    ...copying,
    client: {
      exec: async (request: ExecRequest, signal: AbortSignal) => {
        const { stdin, ...streams } = request.streams as NonNullable<ExecRequest['streams']>
        const held = new PassThrough()
        stdin?.once('data', (bytes: Buffer) => held.write(bytes))
        return await copying.client.exec({ ...request, streams: { ...streams, stdin: held } }, signal)
      },
    },
  }
  const running = copyTo(slow, join(folder, 'endless'), join(folder, 'there', 'it'), stop.signal).catch(
    (error) => error,
  )
  while (readdirSync(join(folder, 'there')).length === 0)
    await new Promise((resolve) => setTimeout(resolve, 10))
  stop.abort(new Error('Ctrl-C'))
  assert.is((await running).message, 'Ctrl-C')
  assert.equal(readdirSync(join(folder, 'there')), [])
})

function entry(more: Partial<Entry>): Entry {
  return { type: 'file', path: 'f', target: '', bytes: 0, mode: 0o644, mtimeMs: 0, ...more }
}

interface Planted extends Partial<Entry> {
  readonly text?: string
}

function archive(planted: readonly Planted[]): Readable {
  const blocks = planted.flatMap(({ text = '', ...more }) => {
    const header = writeHeader(entry({ ...more, bytes: Buffer.byteLength(text) }))
    // a link has a type that is not written by us
    if (more.type === 'link') fixType(header, '1')
    if (more.type === 'other') fixType(header, '3')
    return [header, Buffer.from(text), Buffer.alloc((512 - (Buffer.byteLength(text) % 512)) % 512)]
  })
  return Readable.from([Buffer.concat([...blocks, Buffer.alloc(1024)])], { objectMode: false })
}

function fixType(header: Buffer, flag: string): void {
  header.write(flag, 156)
  header.write('        ', 148)
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}

const ROOT: Planted = { type: 'folder', path: './', mode: 0o755 }

for (const { name, planted } of [
  { name: 'a path that goes up', planted: [ROOT, { path: './../evil', text: 'x' }] },
  {
    name: 'a path that goes up later',
    planted: [ROOT, { type: 'folder', path: './a/' }, { path: './a/../../evil', text: 'x' }],
  },
  { name: 'an absolute path', planted: [ROOT, { path: '/tmp/nsctl-evil', text: 'x' }] },
  {
    name: 'a path through a link to elsewhere',
    planted: [ROOT, { type: 'symlink', path: './l', target: '..' }, { path: './l/evil', text: 'x' }],
  },
  {
    name: 'a path through a link within',
    planted: [
      ROOT,
      { type: 'folder', path: './a/' },
      { type: 'symlink', path: './l', target: 'a' },
      { path: './l/evil', text: 'x' },
    ],
  },
  {
    name: 'a hard link to what is not of the archive',
    planted: [ROOT, { type: 'link', path: './l', target: '/etc/passwd' }],
  },
  {
    name: 'a file beneath a file',
    planted: [
      { path: './f', text: 'x' },
      { path: './f/g', text: 'x' },
    ],
  },
  {
    name: 'two files where one was asked for',
    planted: [
      { path: './f', text: 'x' },
      { path: './g', text: 'x' },
    ],
  },
  {
    name: 'a link where a file was asked for',
    planted: [{ type: 'symlink', path: './f', target: '/etc/passwd' }],
  },
  { name: 'one name twice', planted: [ROOT, { path: './f', text: 'x' }, { path: './f', text: 'y' }] },
  {
    name: 'a link in place of a file',
    planted: [ROOT, { path: './f', text: 'x' }, { type: 'symlink', path: './f', target: 'g' }],
  },
  {
    name: 'a folder in place of a link',
    planted: [ROOT, { type: 'symlink', path: './f', target: 'g' }, { type: 'folder', path: './f/' }],
  },
  { name: 'a zero byte in a path', planted: [ROOT, { path: `./${'a'.repeat(120)}\0b`, text: 'x' }] },
  { name: 'nothing', planted: [] },
] as readonly { readonly name: string; readonly planted: readonly Planted[] }[])
  inFolder(`an archive with ${name} is refused whole`, async (folder) => {
    mkdirSync(join(folder, 'in'))
    const error = await unpack(archive(planted), { to: join(folder, 'in', 'to'), note: copying.note }).then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    assert.ok(error, 'it was taken')
    assert.equal([readdirSync(folder), readdirSync(join(folder, 'in'))], [['in'], []])
    assert.not(existsSync('/tmp/nsctl-evil'))
  })

inFolder(
  'links that lead out and devices are left out and told; modes lose what gives rights',
  async (folder) => {
    const to = join(folder, 'to')
    const links = {
      a: '/etc',
      b: '../x',
      c: 'sub/../../x',
      d: 'sub/f',
      'sub/e': '../sub/f',
      'sub/g': '../../x',
    }
    const planted: Planted[] = [
      ROOT,
      { type: 'folder', path: './sub', mode: 0 },
      { path: './sub/f', text: 'hi', mode: 0o4755 },
    ]
    for (const [path, target] of Object.entries(links))
      planted.push({ type: 'symlink', path: `./${path}`, target })
    planted.push({ type: 'other', path: './dev' }, { type: 'link', path: './hard', target: './sub/f' })
    assert.is(await unpack(archive(planted), { to, note: copying.note }), 1)
    assert.equal(readdirSync(to).sort(), ['d', 'hard', 'sub'])
    assert.equal(readdirSync(join(to, 'sub')).sort(), ['e', 'f'])
    assert.is(notes.length, 5)
    assert.is(lstatSync(join(to, 'sub', 'f')).mode & 0o7777, 0o755)
    assert.is(readFileSync(join(to, 'hard'), 'utf8'), 'hi')
  },
)

inFolder('what is no archive, or is cut off anywhere, is refused', async (folder) => {
  makeTree(join(folder, 'tree'))
  const whole = execFileSync('tar', ['-cf', '-', '-C', join(folder, 'tree'), '.'])
  mkdirSync(join(folder, 'in'))
  for (const at of [0, 1, 511, 512, 700, 5_000, whole.length - 10_240 - 512]) {
    const cut = Readable.from([whole.subarray(0, at)], { objectMode: false })
    const error = await unpack(cut, { to: join(folder, 'in', 'to'), note: copying.note }).catch(
      (thrown) => thrown,
    )
    assert.match(String(error?.message), /no whole tar archive/, `cut at ${at}`)
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 512, maxLength: 2_000 }), async (bytes) => {
      const to = join(folder, 'in', 'to')
      await unpack(Readable.from([Buffer.from(bytes)], { objectMode: false }), {
        to,
        note: copying.note,
      }).catch(() => {})
    }),
    { numRuns: 50 },
  )
  assert.equal(readdirSync(join(folder, 'in')), [])
})

inFolder('archives of other tars are read: GNU’s, POSIX’s and the oldest', async (folder) => {
  makeTree(join(folder, 'tree'))
  for (const format of ['gnu', 'pax', 'oldgnu']) {
    const bytes = execFileSync('tar', [`--format=${format}`, '-cf', '-', '-C', join(folder, 'tree'), '.'])
    await unpack(Readable.from([bytes], { objectMode: false }), {
      to: join(folder, format),
      note: copying.note,
    })
    assertTree(join(folder, format))
  }
})

inFolder('what is packed here the tar of the machine reads', async (folder) => {
  makeTree(join(folder, 'tree'))
  const parts: Buffer[] = []
  for await (const part of pack(join(folder, 'tree'), { as: 'content', note: copying.note })) parts.push(part)
  execFileSync('tar', ['-xpf', '-', '-C', folder], { input: Buffer.concat(parts) })
  assertTree(join(folder, 'content'))
  const names: string[] = []
  for await (const { path } of readTar(Readable.from(parts))) names.push(path)
  assert.is(names.length, 8)
})

test.run()
