import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { combineFaults, loadManifests } from '../../src/client/manifests.ts'
import { isNsctlError, NsctlError } from '../../src/core/errors.ts'

const test = suite<{ folder: string }>('loadManifests')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'nsctl-manifests-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

function write(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

const service = (name: string, source = 'command: [node]') =>
  `apiVersion: nsctl.dev/v1alpha1\nkind: Service\nmetadata: {name: ${name}}\nspec:\n  template:\n    source: {${source}}\n`

function load(folder: string, names: readonly string[], more: { stdin?: string; recursive?: boolean } = {}) {
  return loadManifests({
    names,
    recursive: more.recursive === true,
    cwd: folder,
    readStdin: async () => Buffer.from(more.stdin ?? ''),
    signal: new AbortController().signal,
  })
}

async function refusal(promise: Promise<unknown>): Promise<NsctlError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isNsctlError(error)) throw new Error(`expected an NsctlError, got ${error}`)
  return error
}

const names = async (loading: ReturnType<typeof load>) =>
  (await loading).manifests.map(({ object }) => object.metadata.name)

test('reads a folder in order of name, without those below it', async ({ folder }) => {
  for (const path of ['m/b.yml', 'm/a.yaml', 'm/c.json.txt', 'm/sub/d.yaml'])
    write(folder, path, service(path[2]!))
  write(
    folder,
    'm/z.json',
    JSON.stringify({ apiVersion: 'nsctl.dev/v1alpha1', kind: 'Namespace', metadata: { name: 'z' } }),
  )
  assert.equal(await names(load(folder, ['m'])), ['a', 'b', 'z'])
})

test('-R reads what is below too, and enters no folder twice', async ({ folder }) => {
  write(folder, 'm/sub/d.yaml', service('d'))
  write(folder, 'm/a.yaml', service('a'))
  symlinkSync('..', join(folder, 'm/sub/up'))
  assert.equal(await names(load(folder, ['m'], { recursive: true })), ['a', 'd'])
})

test("a folder beneath that cannot be read is the input's fault", async ({ folder }) => {
  write(folder, 'm/a.yaml', service('a'))
  symlinkSync('loop', join(folder, 'm/loop'))
  const error = await refusal(load(folder, ['m'], { recursive: true }))
  assert.is(error.code, 'Invalid')
  assert.match(error.message, /^m: ELOOP: /)
})

test('reads several sources in the order given', async ({ folder }) => {
  write(folder, 'b.yaml', service('b'))
  write(folder, 'a.yaml', service('a'))
  assert.equal(await names(load(folder, ['b.yaml', '-', 'a.yaml'], { stdin: service('s') })), ['b', 's', 'a'])
})

test('a file without a known ending is read where it is named', async ({ folder }) => {
  write(folder, 'manifest', service('m'))
  assert.equal(await names(load(folder, ['manifest'])), ['m'])
})

test('a folder without manifests says what -R would do', async ({ folder }) => {
  mkdirSync(join(folder, 'empty'))
  const error = await refusal(load(folder, ['empty']))
  assert.match(error.message, 'there is no manifest in this folder')
  assert.match(error.next ?? '', '-R')
})

test('what cannot be parsed is told beside what can', async ({ folder }) => {
  write(folder, 'm/a.yaml', 'kind: [\n')
  write(folder, 'm/b.yaml', service('b'))
  const { manifests, failed } = await load(folder, ['m'])
  assert.equal([manifests.length, failed.length], [1, 1])
  assert.match(failed[0]?.message ?? '', 'm/a.yaml:')
})

test('an endless file is refused by its size', async ({ folder }) => {
  writeFileSync(join(folder, 'huge.yaml'), Buffer.alloc(65 * 1024 * 1024))
  const error = await refusal(load(folder, ['huge.yaml']))
  assert.is(error.code, 'TooLarge')
})

test('a link that leads nowhere is named', async ({ folder }) => {
  mkdirSync(join(folder, 'm'))
  symlinkSync('/nonexistent/x.yaml', join(folder, 'm/x.yaml'))
  assert.match((await refusal(load(folder, ['m']))).message, 'm/x.yaml: there is no such file')
})

// where programs start

const sourceOf = async (loading: ReturnType<typeof load>) => {
  const spec = (await loading).manifests[0]?.object.spec as unknown as {
    template: { source?: unknown; programs?: { source: unknown }[] }
  }
  return spec.template.source ?? spec.template.programs?.map((program) => program.source)
}

for (const c of [
  { name: 'absent: the folder of the manifest', source: 'command: [a]', want: 'shop' },
  { name: 'relative: counts from the manifest', source: 'command: [a], workingDir: ../app', want: 'app' },
  { name: '. is the folder itself', source: 'command: [a], workingDir: .', want: 'shop' },
])
  test(`workingDir ${c.name}`, async ({ folder }) => {
    write(folder, 'shop/web.yaml', service('web', c.source))
    assert.equal(await sourceOf(load(folder, ['shop/web.yaml'])), {
      command: ['a'],
      workingDir: join(folder, c.want),
    })
  })

test('workingDir absolute: stays', async ({ folder }) => {
  write(folder, 'web.yaml', service('web', 'command: [a], workingDir: /srv'))
  assert.equal(await sourceOf(load(folder, ['web.yaml'])), { command: ['a'], workingDir: '/srv' })
})

test('workingDir in a container is the one inside: none comes of the folder', async ({ folder }) => {
  const contained = service('web').replace('template:', 'template:\n    runtime: nspawn')
  write(folder, 'web.yaml', contained)
  assert.equal(await sourceOf(load(folder, ['web.yaml'])), { command: ['node'] })
})

test('workingDir of each program of a group', async ({ folder }) => {
  const group = service('g').replace(
    'source: {command: [node]}',
    'programs: [{name: a, source: {command: [a]}}]',
  )
  write(folder, 'g.yaml', group)
  assert.equal(await sourceOf(load(folder, ['g.yaml'])), [{ command: ['a'], workingDir: folder }])
})

test('workingDir from standard input: absent stays absent, absolute stays', async ({ folder }) => {
  assert.equal(await sourceOf(load(folder, ['-'], { stdin: service('web') })), { command: ['node'] })
  const absolute = service('web', 'command: [a], workingDir: /srv')
  assert.equal(await sourceOf(load(folder, ['-'], { stdin: absolute })), {
    command: ['a'],
    workingDir: '/srv',
  })
})

test('workingDir from standard input: relative is refused where it stands', async ({ folder }) => {
  const { failed } = await load(folder, ['-'], { stdin: service('web', 'command: [a], workingDir: app') })
  const [error] = failed
  assert.match(error?.message ?? '', /^stdin:6:40: workingDir "app" is relative, and stdin has no folder$/)
  assert.match(error?.issues[0] ?? '', /\^\^\^/)
})

test('a malformed template is left to validation', async ({ folder }) => {
  for (const spec of [
    'x',
    '[1]',
    '{template: 3}',
    '{template: {source: [1]}}',
    '{template: {programs: {a: 1}}}',
  ]) {
    write(
      folder,
      'x.yaml',
      `apiVersion: nsctl.dev/v1alpha1\nkind: Service\nmetadata: {name: x}\nspec: ${spec}\n`,
    )
    const { manifests, failed } = await load(folder, ['x.yaml'])
    assert.equal([manifests.length, failed.length], [1, 0], spec)
  }
})

// where manifests come from

const COMMIT = '0123456789abcdef0123456789abcdef01234567'

for (const c of [
  { name: 'a branch', git: { HEAD: 'ref: refs/heads/main\n', 'refs/heads/main': `${COMMIT}\n` } },
  {
    name: 'a packed branch',
    git: { HEAD: 'ref: refs/heads/main\n', 'packed-refs': `# pack\n${COMMIT} refs/heads/main\n` },
  },
  { name: 'a detached head', git: { HEAD: `${COMMIT}\n` } },
])
  test(`from a git work tree on ${c.name}`, async ({ folder }) => {
    for (const [path, text] of Object.entries(c.git)) write(folder, `.git/${path}`, text)
    write(folder, 'shop/web.yaml', service('web'))
    assert.is((await load(folder, ['shop/web.yaml'])).from, 'git 0123456 (shop/web.yaml)')
    write(folder, 'shop/mail.yaml', service('mail'))
    assert.is((await load(folder, ['shop'])).from, 'git 0123456 (shop/)')
  })

test('from a linked git work tree', async ({ folder }) => {
  write(folder, 'main/.git/worktrees/w/HEAD', 'ref: refs/heads/w\n')
  write(folder, 'main/.git/worktrees/w/commondir', '../..\n')
  write(folder, 'main/.git/refs/heads/w', `${COMMIT}\n`)
  write(folder, 'w/.git', `gitdir: ${folder}/main/.git/worktrees/w\n`)
  write(folder, 'w/web.yaml', service('web'))
  assert.is((await load(folder, ['w/web.yaml'])).from, 'git 0123456 (web.yaml)')
})

test('from files outside of git, standard input and several at once', async ({ folder }) => {
  write(folder, 'shop/web.yaml', service('web'))
  assert.is((await load(folder, ['shop/web.yaml'])).from, 'file shop/web.yaml')
  assert.is((await load(folder, ['-'], { stdin: service('web') })).from, 'stdin')
  assert.is(
    (await load(folder, ['-', 'shop/web.yaml'], { stdin: service('a') })).from,
    'stdin, shop/web.yaml',
  )
})

test('a repository without a commit yet is a folder like any other', async ({ folder }) => {
  write(folder, '.git/HEAD', 'ref: refs/heads/main\n')
  write(folder, 'web.yaml', service('web'))
  assert.is((await load(folder, ['web.yaml'])).from, 'file web.yaml')
})

// URLs

test('reads a URL, shows it without its password, and reports what it answers', async ({ folder }) => {
  const server = createServer((request, response) => {
    const authorized =
      request.headers.authorization === `Basic ${Buffer.from('ada:s3cret').toString('base64')}`
    if (request.url === '/web.yaml' && authorized) response.end(service('web'))
    else response.writeHead(request.url === '/broken' ? 503 : 404).end()
  })
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle))
  const { port } = server.address() as AddressInfo
  try {
    const { manifests, from } = await load(folder, [`http://ada:s3cret@127.0.0.1:${port}/web.yaml`])
    assert.is(manifests[0]?.source, `http://127.0.0.1:${port}/web.yaml`)
    assert.is(from, `http://127.0.0.1:${port}/web.yaml`)
    assert.is((await refusal(load(folder, [`http://127.0.0.1:${port}/nope`]))).code, 'Invalid')
    assert.is((await refusal(load(folder, [`http://127.0.0.1:${port}/broken`]))).code, 'Unreachable')
  } finally {
    server.closeAllConnections()
    server.close()
  }
  const gone = await refusal(load(folder, [`http://127.0.0.1:${port}/web.yaml`]))
  assert.is(gone.code, 'Unreachable')
  assert.match(gone.message, /cannot be fetched: .+/)
})

test('combineFaults keeps every issue and the advice that all share', () => {
  const a = new NsctlError('Invalid', 'a', { issues: ['a1', 'a2'], next: 'See: x' })
  const b = new NsctlError('Invalid', 'b', { next: 'See: x' })
  const both = combineFaults([a, b], 'nothing was applied')
  assert.equal(both.issues, ['a1', 'a2', 'b'])
  assert.is(both.next, 'nothing was applied. See: x')
})

test.run()
