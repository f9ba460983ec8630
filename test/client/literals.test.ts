import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LiteralFlags, readLiterals } from '../../src/client/literals.ts'
import { isNsctlError } from '../../src/core/errors.ts'

const test = suite<{ folder: string }>('readLiterals')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'nsctl-literals-'))
  writeFileSync(join(context.folder, 'ca.pem'), 'CERT')
  writeFileSync(join(context.folder, 'raw'), Buffer.from([0, 255, 10]))
  writeFileSync(join(context.folder, 'db.env'), 'USER=shop\nHOME\n')
  writeFileSync(join(context.folder, 'bad name'), 'x')
  mkdirSync(join(context.folder, 'conf', 'inner'), { recursive: true })
  writeFileSync(join(context.folder, 'conf', 'b.ini'), 'b')
  writeFileSync(join(context.folder, 'conf', 'a.ini'), 'a')
  symlinkSync(join(context.folder, 'ca.pem'), join(context.folder, 'conf', 'link'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const read = async (cwd: string, flags: LiteralFlags) => {
  const context = {
    cwd,
    env: { HOME: '/home/ada', typed: 'in' },
    readStdin: async () => Buffer.from('typed'),
  }
  return (await readLiterals(flags, context)).map(
    ({ key, value, from }) => `${from} ${key}=${Buffer.from(value).toString('latin1')}`,
  )
}

for (const c of [
  {
    name: 'literals',
    flags: { fromLiteral: ['a=1', 'b=x=y', 'c='] },
    want: ['literal a=1', 'literal b=x=y', 'literal c='],
  },
  { name: 'a file under its own name', flags: { fromFile: ['ca.pem'] }, want: ['file ca.pem=CERT'] },
  { name: 'a file under a key', flags: { fromFile: ['tls.crt=ca.pem'] }, want: ['file tls.crt=CERT'] },
  {
    name: 'a folder without its links and folders',
    flags: { fromFile: ['conf'] },
    want: ['file a.ini=a', 'file b.ini=b'],
  },
  { name: 'binary files', flags: { fromFile: ['raw'] }, want: ['file raw=\0\xff\n'] },
  { name: 'standard input', flags: { fromFile: ['password=-'] }, want: ['file password=typed'] },
  {
    name: 'env files',
    flags: { fromEnvFile: ['db.env'] },
    want: ['env-file USER=shop', 'env-file HOME=/home/ada'],
  },
  {
    name: 'variables of the environment on standard input',
    flags: { fromEnvFile: ['-'] },
    want: ['env-file typed=in'],
  },
  {
    name: 'literals and files together',
    flags: { fromFile: ['ca.pem'], fromLiteral: ['a=1'] },
    want: ['literal a=1', 'file ca.pem=CERT'],
  },
  { name: 'nothing', flags: {}, want: [] },
])
  test(`takes ${c.name}`, async ({ folder }) => assert.equal(await read(folder, c.flags), c.want))

for (const c of [
  {
    name: 'a literal without =',
    flags: { fromLiteral: ['hunter2'] },
    code: 'Usage',
    message: '--from-literal needs KEY=VALUE',
  },
  {
    name: 'a literal without a key',
    flags: { fromLiteral: ['=hunter2'] },
    code: 'Usage',
    message: '--from-literal needs KEY=VALUE',
  },
  {
    name: 'a literal whose key is none',
    flags: { fromLiteral: ['hunter2!='] },
    code: 'Invalid',
    message: '--from-literal: what is in front of = is no key',
  },
  {
    // a member of that name gets lost on the way, and the value with it
    name: 'a literal whose key is a member of every object',
    flags: { fromLiteral: ['__proto__=hunter2'] },
    code: 'Invalid',
    message: '--from-literal: what is in front of = is no key',
  },
  {
    name: 'a key twice',
    flags: { fromLiteral: ['a=hunter2', 'a=2'] },
    code: 'Invalid',
    message: '--from-literal: the key a is given twice',
  },
  {
    name: 'a key in a file and in a literal',
    flags: { fromLiteral: ['ca.pem=hunter2'], fromFile: ['ca.pem'] },
    code: 'Invalid',
    message: 'ca.pem: the key ca.pem is given twice',
  },
  {
    name: 'a key in two env files',
    flags: { fromEnvFile: ['db.env', 'db.env'] },
    code: 'Invalid',
    message: 'db.env:1: the key USER is given twice',
  },
  {
    name: 'env files beside others',
    flags: { fromEnvFile: ['db.env'], fromFile: ['ca.pem'] },
    code: 'Usage',
    message: '--from-env-file cannot stand beside --from-file or --from-literal',
  },
  {
    name: 'a file that is not there',
    flags: { fromFile: ['a=none'] },
    code: 'Invalid',
    message: 'none: there is no such file',
  },
  {
    name: 'a folder as an env file',
    flags: { fromEnvFile: ['conf'] },
    code: 'Invalid',
    message: 'conf: is a folder, and this needs a file',
  },
  {
    name: 'a file whose name is no key',
    flags: { fromFile: ['bad name'] },
    code: 'Invalid',
    message: 'bad name: "bad name" is no key',
  },
  {
    name: 'a key that is none',
    flags: { fromFile: ['..=ca.pem'] },
    code: 'Invalid',
    message: '--from-file ..=ca.pem: ".." is no key',
  },
  {
    name: 'a folder with a key',
    flags: { fromFile: ['k=conf'] },
    code: 'Usage',
    message: '--from-file k=conf: conf is a folder, and a folder has no key',
  },
  {
    name: 'a path with =',
    flags: { fromFile: ['a=b=c'] },
    code: 'Usage',
    message: '--from-file needs [KEY=]PATH, not "a=b=c"',
  },
  {
    name: 'standard input without a key',
    flags: { fromFile: ['-'] },
    code: 'Usage',
    message: '--from-file - needs a key',
  },
  {
    name: 'standard input twice',
    flags: { fromFile: ['a=-', 'b=-'] },
    code: 'Usage',
    message: 'standard input can be read only once',
  },
])
  test(`refuses ${c.name} and repeats no value`, async ({ folder }) => {
    const error = await read(folder, c.flags).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!isNsctlError(error)) throw new Error(`expected an NsctlError, got ${error}`)
    assert.is(error.message, c.message)
    assert.is(error.code, c.code)
    assert.not.match(JSON.stringify(error), 'hunter2')
  })

test('refuses a large file by its name, without reading it', async ({ folder }) => {
  const file = join(folder, 'huge')
  writeFileSync(file, '')
  truncateSync(file, 10 * 2 ** 30)
  const error = await read(folder, { fromFile: ['huge'] }).catch((thrown: Error) => thrown.message)
  assert.is(error, 'huge: is larger than the 1 MiB that are read of a file')
})

test('reads a pipe to its end', async ({ folder }) => {
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const { spawn } = await import('node:child_process')
  const writer = spawn('sh', ['-c', `printf piped > '${join(folder, 'pipe')}'`], { stdio: 'ignore' })
  assert.equal(await read(folder, { fromFile: ['k=pipe'] }), ['file k=piped'])
  writer.kill()
})

test.run()
